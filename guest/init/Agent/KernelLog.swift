import CLinux

/// The kernel's log from the agent's start on, which names the processes that the kernel killed for lack of
/// memory.
struct KernelLog: ~Copyable {
    /// The descriptor of /dev/kmsg, or -1 if there is no such device: poll(2) ignores it.
    let descriptor: Int32

    /// The size of the longest record of the kernel: CONSOLE_EXT_LOG_MAX.
    private static let recordByteCount = 8192

    init() {
        descriptor = unsafe openFile("/dev/kmsg", O_RDONLY | O_NONBLOCK)
        if descriptor >= 0 { lseek(descriptor, 0, SEEK_END) }
    }

    /// Reads the new records and calls `body` with the name of each killed process. Records that were
    /// overwritten meanwhile are skipped (EPIPE).
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
