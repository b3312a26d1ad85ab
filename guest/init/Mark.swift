import CLinux

/// Tells the monitor how far the guest has come, by one byte to a port that a monitor time-stamps.
/// Where nothing listens at the port the write does nothing.
enum Mark: UInt8 {
    /// The first instructions of user space.
    case userland = 1

    private static let port: UInt16 = 0x700

    func write() {
        guard ioperm(UInt(Mark.port), 1, 1) == 0 else { return }
        writePort(Mark.port, rawValue)
        // Children inherit port permissions across fork and exec: give it back.
        ioperm(UInt(Mark.port), 1, 0)
    }
}
