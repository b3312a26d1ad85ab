/// A device on the port or MMIO bus. Offsets count from the start of the device's own window; the bus has checked that
/// the access lies within it, and that `byteCount` is 1, 2, 4 or 8. vCPU threads call both methods, several at once.
public protocol BusDevice: AnyObject, Sendable {
    /// The value read, little-endian, in the low `byteCount` bytes.
    func read(at offset: UInt64, byteCount: Int) -> UInt64
    /// `value` holds what is written in its low `byteCount` bytes; the rest is zero.
    func write(_ value: UInt64, at offset: UInt64, byteCount: Int)
}
