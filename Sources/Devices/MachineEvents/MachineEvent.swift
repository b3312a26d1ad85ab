/// An event that the guest reports through a register: an end of the machine, or progress.
public enum MachineEvent: Hashable, Sendable {
    /// ACPI S5: the guest has powered off.
    case powerOff
    /// The guest asked for a reset, through the FADT's reset register or the 8042.
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
