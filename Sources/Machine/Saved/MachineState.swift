import Devices
import Host
import KVM
import Layout
import Virtio

/// The state of a paused machine: plain values, and the places of its memory's content in another file.
///
/// The encoding has no names and no padding. Each list and each array of bytes begins with its length, which
/// is bounded before anything is allocated. Any bytes either are refused or decode to a value that encodes to
/// the same bytes. The file's frame is `StateFile`.
///
/// A state may come from a stranger. Decoding checks its form alone; the calls that restore a part check what
/// the part says (docs/life-cycle.md, "Restore").
struct MachineState: Sendable {
    /// kvm-clock.
    var clockNanoseconds: UInt64
    /// The features that KVM supports and the monitor allows (`KVMSystem.guestFeatures`), before
    /// `CPUIDTable.normalize` makes a CPU's of them.
    var features: [CPUIDTable.Entry]
    var format: VCPUStateFormat
    /// The vCPUs in the order of their numbers; at least one.
    var cpus: [VCPUState]
    var interruptControllers: InterruptControllerState
    /// The 8254 (struct kvm_pit_state2), if the guest has touched it.
    var intervalTimer: [UInt8]?
    var serial: UART16550.State?
    /// The virtio devices in the order of their windows.
    var devices: [VirtioTransport.State]
    /// The memory that has content in the memory's file; the rest is zero.
    var memory: [MemoryExtent]
    /// The pages that the guest writes soon after it goes on, to be made writable in bulk before.
    var working: [PageRange]

    /// The largest number of vCPUs in a state.
    static let cpuLimit = 256
    /// The largest number of ranges in each of `memory` and `working`.
    static let rangeLimit = 4096
}

extension MachineState: ByteValue {
    func write(to writer: inout ByteWriter) {
        writer.u64(clockNanoseconds)
        writer.list(features) { $1.write(to: &$0) }
        format.write(to: &writer)
        writer.list(cpus) { $1.write(to: &$0) }
        interruptControllers.write(to: &writer)
        writer.optional(intervalTimer) { $0.bytes($1) }
        writer.optional(serial)
        writer.list(devices) { $1.write(to: &$0) }
        writer.list(memory) { $1.write(to: &$0) }
        writer.list(working) { $1.write(to: &$0) }
    }

    init?(from reader: inout ByteReader) {
        let timerByteCount = VirtualMachine.intervalTimerByteCount
        guard let clockNanoseconds = reader.u64(),
            let features = reader.list(atMost: CPUIDTable.entryLimit, CPUIDTable.Entry.init(from:)),
            let format = VCPUStateFormat(from: &reader),
            let cpus = reader.list(atMost: Self.cpuLimit, VCPUState.init(from:)), !cpus.isEmpty,
            let interruptControllers = InterruptControllerState(from: &reader),
            let intervalTimer = reader.optional({ $0.bytes(atMost: timerByteCount) }),
            let serial = reader.optional(UART16550.State.init(from:)),
            let devices = reader.list(
                atMost: Layout.virtioDeviceLimit, VirtioTransport.State.init(from:)),
            let memory = reader.list(atMost: Self.rangeLimit, MemoryExtent.init(from:)),
            let working = reader.list(atMost: Self.rangeLimit, PageRange.init(from:))
        else { return nil }
        self.init(
            clockNanoseconds: clockNanoseconds, features: features, format: format, cpus: cpus,
            interruptControllers: interruptControllers, intervalTimer: intervalTimer, serial: serial,
            devices: devices, memory: memory, working: working)
    }
}
