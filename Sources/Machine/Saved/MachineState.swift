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
        writer.list(features)
        format.write(to: &writer)
        writer.list(cpus)
        interruptControllers.write(to: &writer)
        writer.optional(intervalTimer) { $0.bytes($1) }
        writer.optional(serial)
        writer.list(devices) { $1.write(to: &$0) }
        writer.list(memory)
        writer.list(working)
    }

    init?(from reader: inout ByteReader) {
        self.init(&reader, isWhole: false)
    }

    /// Decodes the payload of a state's file, which holds one state and nothing after it.
    init?(payload: ArraySlice<UInt8>) {
        var reader = ByteReader(payload)
        self.init(&reader, isWhole: true)
    }

    /// Decodes a state, after which no bytes may be left if it `isWhole`. A caller that checked that itself
    /// would make the compiler copy the optional state.
    private init?(_ reader: inout ByteReader, isWhole: Bool) {
        let timerByteCount = VirtualMachine.intervalTimerByteCount
        guard let clockNanoseconds = reader.u64(),
            let features: [CPUIDTable.Entry] = reader.list(atMost: CPUIDTable.entryLimit),
            let format = VCPUStateFormat(from: &reader),
            let cpus = reader.list(atMost: Self.cpuLimit, VCPUState.init(from:)), !cpus.isEmpty,
            let interruptControllers = InterruptControllerState(from: &reader),
            let intervalTimer = reader.optional({ $0.bytes(atMost: timerByteCount) }),
            let serial = reader.optional(UART16550.State.init(from:)),
            let devices = reader.list(
                atMost: Layout.virtioDeviceLimit, VirtioTransport.State.init(from:)),
            let memory: [MemoryExtent] = reader.list(atMost: Self.rangeLimit),
            let working: [PageRange] = reader.list(atMost: Self.rangeLimit),
            !isWhole || reader.isAtEnd
        else { return nil }
        self.init(
            clockNanoseconds: clockNanoseconds, features: features, format: format, cpus: cpus,
            interruptControllers: interruptControllers, intervalTimer: intervalTimer, serial: serial,
            devices: devices, memory: memory, working: working)
    }
}
