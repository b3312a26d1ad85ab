import Devices
import Glibc
import GuestMemory
import Host
import TestSupport
import Testing
import Virtio

@testable import KVM
@testable import Machine

extension MachineState {
    /// The state of a paused machine. Nothing of its memory is in it.
    fileprivate init(of machine: Machine, hasIntervalTimer: Bool = false) throws {
        let kvm = try KVMSystem()
        let format = try kvm.vcpuStateFormat()
        self.init(
            clockNanoseconds: try machine.vm.clockNanoseconds(), features: try kvm.guestFeatures().entries,
            format: format, cpus: try machine.cpus.map { try $0.state(format) },
            interruptControllers: try machine.vm.interruptControllerState(),
            intervalTimer: hasIntervalTimer ? try machine.vm.intervalTimerState() : nil,
            serial: machine.board.ports.serial?.state,
            devices: machine.board.windows.devices.map(\.transport.state),
            memory: [MemoryExtent(address: 0x1000, byteCount: 0x5000, fileOffset: 0, sourceNumber: 1)],
            working: [PageRange(firstPage: 1, pageCount: 4)])
    }

    /// A short state in which every field has a value and every list has elements.
    fileprivate static var short: MachineState {
        let cpu = VCPUState(
            activity: 1, registers: VCPURegisters(), specialRegisters: [1, 2], extendedState: [3, 4, 5],
            extendedControl: [6], debugRegisters: [], localAPIC: [7, 8, 9, 10], timeStamp: 11,
            timeStampOffset: 12, timeStampFrequency: 13, modelSpecific: [ModelSpecificRegister(0x6E0, 14)],
            events: [15])
        var serial = UART16550.State()
        serial.received = [16, 17]
        let queue = VirtqueueState()
        let queues = ConsoleQueuesState(
            receive: queue, transmit: TransmitQueueState(), gate: InputGateState(phase: .asked))
        var port = PortQueuesState()
        port.outbox = [6, 7]
        let devices: [any VirtioDeviceState] = [
            VirtioBlock.State(sectorCount: 8, isWriteBack: true, queue: queue),
            VirtioConsole.State(
                size: .init(columns: 80, rows: 25), hasPrinted: true, queues: queues),
            VirtioRng.State(queue: nil),
            VirtioPmem.State(range: GuestRange(start: GuestAddress(1 << 32), byteCount: 4096), queue: queue),
            VirtioSerialPort.State(pending: [18, 19], queues: port),
        ]
        return MachineState(
            clockNanoseconds: 20,
            features: (0..<2).map { .init(leaf: $0, subleaf: 0, eax: 1, ebx: 2, ecx: 3, edx: 4, flags: 1) },
            format: VCPUStateFormat(
                modelSpecificRegisters: [0x10A, 0x6E0], extendedStateByteCount: 4096,
                hasLargeExtendedState: true),
            cpus: [cpu, cpu], interruptControllers: InterruptControllerState(chips: [[21], [], [22, 23]]),
            intervalTimer: [24, 25], serial: serial,
            devices: devices.map { device in
                VirtioTransport.State(
                    negotiation: .init(queueSizes: [64]), interruptStatus: 1, needsReset: false,
                    device: device)
            },
            memory: [MemoryExtent(address: 4096, byteCount: 8192, fileOffset: 4096, sourceNumber: 0)],
            working: [PageRange(firstPage: 1, pageCount: 2)])
    }
}

@Suite("The file of a saved machine")
struct MachineStateTests {
    /// Checks that a state comes back from its file.
    private func expectRoundTrip(_ state: MachineState) throws {
        let bytes = state.fileBytes
        let decoded = try #require(MachineState(fileBytes: bytes))
        #expect(decoded.clockNanoseconds == state.clockNanoseconds)
        #expect(decoded.features == state.features)
        #expect(decoded.format == state.format)
        #expect(decoded.cpus == state.cpus)
        #expect(decoded.interruptControllers == state.interruptControllers)
        #expect(decoded.intervalTimer == state.intervalTimer)
        #expect(decoded.serial == state.serial)
        #expect(
            decoded.devices.map { AnyHashable($0.device) } == state.devices.map { AnyHashable($0.device) })
        #expect(decoded.devices.map(\.negotiation) == state.devices.map(\.negotiation))
        #expect(decoded.memory == state.memory)
        #expect(decoded.working == state.working)
        #expect(decoded.fileBytes == bytes)
    }

    @Test("the state of a paused machine comes back", arguments: [1, 2, 8])
    func cpus(cpuCount: Int) throws {
        let run = try MachineRun("counters") {
            Counting.byTimerWhileHalted.configure(&$0, cpuCount: cpuCount)
        }
        try run.waitForUserland()
        let machine = try #require(run.machine)
        #expect(machine.pause())
        let state = try MachineState(of: machine)
        #expect(state.cpus.count == cpuCount && state.serial != nil)
        try expectRoundTrip(state)
        machine.resume()
        run.signal(SIGINT)
        #expect(try run.end() == .endedByUser)
    }

    @Test("and so does one whose disk is at work")
    func devices() throws {
        let disk = try TemporaryFile(
            [UInt8](repeating: 0x5A, count: 512) + [UInt8](repeating: 0, count: 7680))
        let files = try TemporaryFile(byteCount: 2 << 20)
        let run = try MachineRun("virtiowrite") {
            $0.appendedCommandLine = "count=20000"
            $0.disks = [DiskConfiguration(path: disk.path)]
            $0.persistentMemory = [files.path]
        }
        try eventually("the machine is built") { run.machine != nil }
        let machine = try #require(run.machine)
        try eventually("the disk is saved at work") {
            try #require(machine.pause())
            defer { machine.resume() }
            let state = try MachineState(of: machine)
            try expectRoundTrip(state)
            return state.devices.contains { ($0.device as? VirtioBlock.State)?.queue != nil }
        }
        run.signal(SIGINT)
        _ = try run.end()
    }

    @Test("a table of features comes back as KVM has made it, and KVM takes it")
    func features() throws {
        let kvm = try KVMSystem()
        let entries = try kvm.supportedCPUID().entries
        #expect(entries.contains { $0.flags != 0 })
        let table = CPUIDTable(try entries.map { try $0.throughBytes() })
        #expect(table.entries == entries)
        let vm = try kvm.makeVirtualMachine()
        try vm.createInterruptControllers(tssAddress: 0xFFFB_D000)
        try vm.makeVCPU(0).set(table)
    }

    @Test("every part of a short state comes back")
    func short() throws {
        try expectRoundTrip(.short)
    }
}

@Suite("Bytes that are no saved machine")
struct BadMachineStateTests {
    @Test("a file or a payload that is cut off or longer is refused")
    func truncation() {
        let bytes = MachineState.short.fileBytes
        for count in 0..<bytes.count { #expect(MachineState(fileBytes: Array(bytes.prefix(count))) == nil) }
        #expect(MachineState(fileBytes: bytes + [0]) == nil)
        let payload = bytes[StateFile.headerByteCount...]
        #expect(MachineState(payload: payload) != nil)
        for count in 0..<payload.count { #expect(MachineState(payload: payload.prefix(count)) == nil) }
        #expect(MachineState(payload: payload + [0]) == nil)
    }

    @Test("a file with a bit changed is refused, and one with two neighbours changed")
    func flippedBits() {
        var bytes = MachineState.short.fileBytes
        for bit in 0..<bytes.count * 8 {
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(MachineState(fileBytes: bytes) == nil, "bit \(bit)")
            // The same bit of the next word.
            if bit + 64 < bytes.count * 8 {
                bytes[bit / 8 + 8] ^= 1 << UInt8(bit % 8)
                #expect(MachineState(fileBytes: bytes) == nil, "bit \(bit) and the next word's")
                bytes[bit / 8 + 8] ^= 1 << UInt8(bit % 8)
            }
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        }
        #expect(MachineState(fileBytes: bytes) != nil)
    }

    @Test(
        "whatever stands at any place, the payload is refused or comes back",
        arguments: [0xFFFF_FFFF, 0x7FFF_FFFF, 0x100, 0])
    func anyField(value: UInt32) {
        let payload = Array(MachineState.short.fileBytes[StateFile.headerByteCount...])
        for offset in 0...(payload.count - 4) {
            var file = ByteWriter(capacity: payload.count)
            file.append(payload)
            file.store(value, at: offset)
            guard let decoded = MachineState(payload: file.bytes[...]) else { continue }
            #expect(decoded.encoded == file.bytes, "offset \(offset)")
        }
    }

    /// A change that makes a list as long as it may be, or longer.
    struct Length: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let limit: Int
        let change: @Sendable (inout MachineState, _ count: Int) -> Void

        init(_ name: String, _ limit: Int, _ change: @escaping @Sendable (inout MachineState, Int) -> Void) {
            (testDescription, self.limit, self.change) = (name, limit, change)
        }
    }

    private static let lengths = [
        Length("features", 256) { state, count in
            state.features = Array(repeating: state.features[0], count: count)
        },
        Length("CPUs", 256) { state, count in state.cpus = Array(repeating: state.cpus[0], count: count) },
        Length("devices", 18) { state, count in
            state.devices = Array(repeating: state.devices[0], count: count)
        },
        Length("memory", 4096) { state, count in
            state.memory = Array(repeating: state.memory[0], count: count)
        },
        Length("working pages", 4096) { state, count in
            state.working = Array(repeating: state.working[0], count: count)
        },
        Length("chips", 3) { $0.interruptControllers.chips = Array(repeating: [], count: $1) },
        Length("a chip", 4096) { $0.interruptControllers.chips[2] = Array(repeating: 0, count: $1) },
        Length("the 8254", VirtualMachine.intervalTimerByteCount) { state, count in
            state.intervalTimer = Array(repeating: 0, count: count)
        },
        Length("the serial port's FIFO", 16) { $0.serial?.received = Array(repeating: 0, count: $1) },
        Length("queues", 64) { state, count in
            state.devices[0].negotiation.queues = Array(
                repeating: VirtqueueConfiguration(size: 8), count: count)
        },
        Length("special registers", 4096) { $0.cpus[1].specialRegisters = Array(repeating: 0, count: $1) },
        Length("XSAVE", 65536) { $0.cpus[1].extendedState = Array(repeating: 0, count: $1) },
        Length("LAPIC", 4096) { $0.cpus[1].localAPIC = Array(repeating: 0, count: $1) },
        Length("events", 4096) { $0.cpus[1].events = Array(repeating: 0, count: $1) },
        Length("model-specific registers", 1024) { state, count in
            state.cpus[1].modelSpecific = Array(repeating: ModelSpecificRegister(1, 2), count: count)
        },
        Length("the list of registers", 1024) { state, count in
            state.format = VCPUStateFormat(
                modelSpecificRegisters: Array(repeating: 1, count: count), extendedStateByteCount: 4096,
                hasLargeExtendedState: false)
        },
        Length("XSAVE's size", 65536) { state, count in
            state.format = VCPUStateFormat(
                modelSpecificRegisters: [], extendedStateByteCount: count, hasLargeExtendedState: true)
        },
    ]

    @Test("a list may have its limit's length and no more", arguments: lengths)
    func limits(length: Length) {
        var state = MachineState.short
        length.change(&state, length.limit)
        #expect(MachineState(decoding: state.encoded)?.encoded == state.encoded)
        length.change(&state, length.limit + 1)
        #expect(MachineState(decoding: state.encoded) == nil)
    }

    @Test("a machine has a CPU")
    func noCPU() {
        var state = MachineState.short
        state.cpus = []
        #expect(MachineState(decoding: state.encoded) == nil)
    }
}
