import CLinux

/// A boot marker: one byte to a port, whose write the monitor time-stamps. If nothing listens at the port,
/// the write has no effect.
enum BootMarker: UInt8 {
    /// User space has begun.
    case userland = 1

    private static let port: UInt16 = 0x700

    func write() {
        guard ioperm(UInt(BootMarker.port), 1, 1) == 0 else { return }
        writePort(BootMarker.port, rawValue)
        // Children inherit port permissions across fork and exec, so init drops the permission.
        ioperm(UInt(BootMarker.port), 1, 0)
    }
}
