/// A chip on the port bus whose registers are one byte wide. A wider access reaches adjacent registers one
/// after the other, as on an ISA bus.
///
/// The bus passes accesses of 1, 2 or 4 bytes. A register beyond the chip's last one reads as `openBus`, and
/// a write to it does nothing. vCPU threads call every method, several threads at once.
///
/// Life cycle of a chip:
/// - build: the board makes the chip before a vCPU runs. No chip has a thread.
/// - run: the threads of the vCPUs call `read` and `write`, within an exit.
/// - pause: the chip does nothing. It is at rest as soon as every vCPU has finished its exit.
/// - save, restore: `Serial16550` has a `state`. All other chips keep nothing between two accesses, so a new
///   chip answers as the old one would have.
/// - end: a chip needs no call. Its events after the machine's end have no effect.
public protocol PortChip: AnyObject, Sendable {
    func readRegister(_ offset: UInt64) -> UInt8
    func writeRegister(_ value: UInt8, _ offset: UInt64)
}

extension PortChip {
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

/// An event that the guest reports through a register of a chip: an end of the machine, or progress.
public enum MachineEvent: Hashable, Sendable {
    /// ACPI S5: the guest has powered off.
    case powerOff
    /// The guest asked for a reset, through the FADT's reset register, the 8042 or RST_CNT.
    case reset
    /// The guest's kernel panicked (pvpanic bit 0).
    case panicked
    /// The guest's kernel panicked and a crash kernel of its own takes over (pvpanic bit 1).
    case crashLoaded
    /// One byte was written to the boot marker port; 1 means that userland was reached.
    case mark(UInt8)
}

/// Handles an event. It is called on the thread of the vCPU that wrote the register, within the exit, so it
/// notes the event and returns.
public typealias MachineEventHandler = @Sendable (MachineEvent) -> Void
