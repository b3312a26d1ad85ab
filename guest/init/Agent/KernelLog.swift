import CLinux

/// The kernel's log from the agent's start on, of which the agent wants to know whom the kernel killed for lack of memory.
struct KernelLog: ~Copyable {
    /// -1 where there is no such device: poll(2) passes over it.
    let descriptor: Int32

    /// The longest record that the kernel gives: CONSOLE_EXT_LOG_MAX.
    private static let recordByteCount = 8192

    init() {
        descriptor = unsafe openFile("/dev/kmsg", O_RDONLY | O_NONBLOCK)
        if descriptor >= 0 { lseek(descriptor, 0, SEEK_END) }
    }

    /// Reads what has come and gives the names of the killed to `body`. Records that were overwritten meanwhile are passed
    /// over (EPIPE).
    func readKilled(_ body: ([UInt8]) -> Void) {
        guard descriptor >= 0 else { return }
        var buffer = [UInt8](repeating: 0, count: Self.recordByteCount)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, lastError() == EPIPE || lastError() == EINTR { continue }
            guard count > 0 else { return }
            if let name = KernelRecord(buffer[..<count])?.killedProcess { body(name) }
        }
    }
}
