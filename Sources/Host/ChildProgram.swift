import CHost
public import SystemPackage

/// Another program that runs for us. It reads nothing, and what it says comes back through a pipe.
///
/// On posix_spawn(3): a package for this would bring Swift's concurrency, which nothing else here needs.
public struct ChildProgram: ~Copyable, Sendable {
    private let identifier: pid_t
    private let words: OwnedDescriptor

    /// How it ended.
    public enum Ending: Hashable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    /// Starts `command`, its name (looked for in PATH) and its arguments. Its signals are at their defaults and none is
    /// blocked; `keeping` is a descriptor that it shall hold open as number 3.
    public init(_ command: [String], keeping descriptor: Int32? = nil) throws(Errno) {
        var (readEnd, writeEnd): (Int32, Int32) = (-1, -1)
        guard unsafe chost_pipe(&readEnd, &writeEnd) == 0 else { throw .current }
        let words = OwnedDescriptor(owning: readEnd)
        let output = OwnedDescriptor(owning: writeEnd)
        identifier = try Self.spawn(command, output: output.rawValue, keeping: descriptor)
        self.words = words
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

    /// What it said since the last call, on standard output and error; empty where that is nothing within
    /// `milliseconds`, nil where it has closed both.
    public func output(waiting milliseconds: Int32) -> [UInt8]? {
        var wanted = pollfd(fd: words.rawValue, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&wanted, 1, milliseconds) > 0 else { return [] }
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let result = unsafe read(words.rawValue, buffer.baseAddress, buffer.count)
            failed = result <= 0
            count = max(0, result)
        }
        return failed ? nil : bytes
    }

    public func send(_ signal: Int32) {
        kill(identifier, signal)
    }

    /// Waits for its end. It must be called: nobody else collects the child.
    public consuming func wait() -> Ending {
        var status: Int32 = 0
        while unsafe waitpid(identifier, &status, 0) < 0, chost_errno() == EINTR {}
        // wait(2)'s word: the low seven bits are the signal, or 0 and the next byte is the status.
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }
}
