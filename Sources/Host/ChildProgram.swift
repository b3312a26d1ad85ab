import CHost
public import SystemPackage

/// A child process. It has no input, and its output and errors come back through a pipe.
///
/// The child is started by posix_spawn(3). A package for child processes would bring in Swift's concurrency,
/// which nothing else here needs.
public struct ChildProgram: ~Copyable, Sendable {
    private let identifier: pid_t
    private let pipe: OwnedDescriptor

    /// The end of a child process: its exit status or the signal that ended it.
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// Starts `command`: a program's name, which is looked up in PATH, and its arguments. The child's signals
    /// have their default actions and none is blocked. The child holds `descriptor` open as number 3.
    public init(_ command: [String], keeping descriptor: Int32? = nil) throws(Errno) {
        var (readEnd, writeEnd): (Int32, Int32) = (-1, -1)
        guard unsafe chost_pipe(&readEnd, &writeEnd) == 0 else { throw .current }
        let pipe = OwnedDescriptor(owning: readEnd)
        let output = OwnedDescriptor(owning: writeEnd)
        identifier = try Self.spawn(command, output: output.rawValue, keeping: descriptor)
        self.pipe = pipe
    }

    private static func spawn(
        _ command: [String], output: Int32, keeping descriptor: Int32?
    ) throws(Errno) -> pid_t {
        let words = command.map { Array($0.utf8) + [0] }.reduce([], +)
        let result = unsafe words.withUnsafeBufferPointer { buffer in
            unsafe chost_spawn(buffer.baseAddress!, command.count, output, descriptor ?? -1)
        }
        guard result > 0 else { throw Errno(rawValue: -result) }
        return result
    }

    /// Returns the output on standard output and standard error since the last call. Empty if there is none
    /// within `milliseconds`, nil if the child has closed both.
    public func output(waiting milliseconds: Int32) -> [UInt8]? {
        var wanted = pollfd(fd: pipe.rawValue, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&wanted, 1, milliseconds) > 0 else { return [] }
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let result = unsafe read(pipe.rawValue, buffer.baseAddress, buffer.count)
            failed = result <= 0
            count = max(0, result)
        }
        return failed ? nil : bytes
    }

    public func send(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Waits for the child's end. The owner must call it: nothing else collects the child.
    public consuming func wait() -> Ending {
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) < 0, chost_errno() == EINTR {}
        // The low seven bits of the status are the signal; if they are 0, the next byte is the exit status
        // (wait(2)).
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }
}
