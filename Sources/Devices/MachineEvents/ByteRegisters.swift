/// A chip on the port bus whose registers are one byte wide. A wider access reaches adjacent registers one
/// after the other, as on an ISA bus.
///
/// The bus has checked that an access lies within the chip's registers and that `byteCount` is 1, 2 or 4.
/// vCPU threads call every method, several threads at once.
public protocol ByteRegisters: AnyObject, Sendable {
    func readRegister(_ offset: UInt64) -> UInt8
    func writeRegister(_ value: UInt8, _ offset: UInt64)
}

extension ByteRegisters {
    /// Returns the value read, little-endian, in the low `byteCount` bytes.
    public func read(at offset: UInt64, byteCount: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<UInt64(byteCount) {
            value |= UInt64(readRegister(offset &+ index)) << (8 &* index)
        }
        return value
    }

    /// Writes the low `byteCount` bytes of `value`.
    public func write(_ value: UInt64, at offset: UInt64, byteCount: Int) {
        for index in 0..<UInt64(byteCount) {
            writeRegister(UInt8(truncatingIfNeeded: value >> (8 &* index)), offset &+ index)
        }
    }
}

/// The value that an ISA bus reads if no register answers.
let openBus: UInt8 = 0xFF
