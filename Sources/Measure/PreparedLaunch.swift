import CHost
import CMeasure
public import Host
import SystemPackage

/// A launch whose pipes and C strings exist already, so that nothing delays the process after the clock is
/// read.
@safe
final class PreparedLaunch {
    private nonisolated(unsafe) var plan: cmeasure_launch
    private let strings = CStrings()
    let name: String
    /// The pipes of the streams that are captured.
    let output: Pipe?
    let error: Pipe?
    private let nothing: OwnedDescriptor

    init(_ launch: Launch) throws(Failure) {
        name = launch.words[0]
        let output = launch.output == .captured ? try Pipe() : nil
        let error = launch.error == .captured ? try Pipe() : nil
        (self.output, self.error) = (output, error)
        nothing = try Self.openNothing()
        let nothing = nothing.rawValue
        func destination(_ stream: Launch.Stream, _ pipe: Pipe?) -> Int32 {
            if case .descriptor(let number) = stream { number } else { pipe?.writeEnd ?? nothing }
        }
        let strings = strings
        let streams = (
            launch.input ?? nothing, destination(launch.output, output), destination(launch.error, error)
        )
        unsafe plan = cmeasure_launch(
            path: strings.keep(launch.words[0]), arguments: strings.keep(launch.words),
            environment: strings.keep(launch.environment), streams: streams,
            root: launch.root.map { unsafe strings.keep($0) },
            directory: launch.directory.map { unsafe strings.keep($0) }, user: launch.user ?? -1,
            group: launch.group ?? -1)
    }

    /// Closes the write ends. Call it when the child has its copies, so that the end of the output can be
    /// seen.
    func closeWriteEnds() {
        output?.closeWriteEnd()
        error?.closeWriteEnd()
    }

    /// Starts the process and returns its process ID.
    func start() throws(Errno) -> pid_t {
        let process = unsafe cmeasure_start(&plan)
        guard process > 0 else { throw Errno(rawValue: -process) }
        return process
    }

    private static func openNothing() throws(Failure) -> OwnedDescriptor {
        do { return try OwnedDescriptor(opening: "/dev/null", for: .readingAndWriting) } catch {
            throw Failure("cannot open /dev/null", errno: error)
        }
    }
}

/// C strings that live as long as this object.
@safe
private final class CStrings {
    private nonisolated(unsafe) var texts: [UnsafeMutablePointer<CChar>] = unsafe []
    private nonisolated(unsafe) var lists: [UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>] = unsafe []

    func keep(_ text: String) -> UnsafeMutablePointer<CChar> {
        let copy = unsafe strdup(text)!
        unsafe texts.append(copy)
        return unsafe copy
    }

    /// Copies a list and terminates it with NULL.
    func keep(_ list: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let copy = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: list.count + 1)
        for (index, text) in list.enumerated() { unsafe copy[index] = unsafe keep(text) }
        unsafe copy[list.count] = nil
        unsafe lists.append(copy)
        return unsafe copy
    }

    deinit {
        while let text = unsafe texts.popLast() { unsafe free(text) }
        while let list = unsafe lists.popLast() { unsafe list.deallocate() }
    }
}

/// A pipe whose read end does not block.
public final class Pipe {
    private var read: OwnedDescriptor
    private var write: OwnedDescriptor?

    public init() throws(Failure) {
        var ends: (Int32, Int32) = (-1, -1)
        let result = unsafe withUnsafeMutablePointer(to: &ends) { pair in
            unsafe pair.withMemoryRebound(to: Int32.self, capacity: 2) { unsafe cmeasure_watched_pipe($0) }
        }
        guard result == 0 else {
            throw Failure(
                "cannot make a pipe", errno: Errno(rawValue: -result),
                cure: "Each instance takes four descriptors: ulimit -n, or fewer with --parallel.")
        }
        read = OwnedDescriptor(owning: ends.0)
        write = OwnedDescriptor(owning: ends.1)
    }

    public var readEnd: Int32 { read.rawValue }
    var writeEnd: Int32 { write?.rawValue ?? -1 }

    func closeWriteEnd() { write = nil }
}
