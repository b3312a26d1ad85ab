import Boot
import Devices
import GuestMemory
import Host
import KVM
import Layout
import Logging
import Virtio

/// Makes the devices of a configuration and connects them with KVM.
struct BoardBuilder: ~Copyable {
    let configuration: MachineConfiguration
    let memory: GuestMemory
    let loop: EventLoop
    let control: MachineControl
    let session: (any AgentSession)?
    let timings: Timings
    let logger: Logger
    /// The state in which the serial port is made; nil for a new one.
    private let savedSerial: UART16550.State?
    private var windows: [VirtioMMIO] = []
    private var names: [String] = []

    /// Makes the builder. The serial port gets the state `savedSerial`; a new port if that is nil.
    init(
        _ configuration: MachineConfiguration, _ frame: Machine.Frame, savedSerial: UART16550.State? = nil
    ) {
        self.configuration = configuration
        (memory, loop, control) = (frame.memory, frame.loop, frame.control)
        (session, timings, logger) = (frame.session, frame.timings, frame.logger)
        self.savedSerial = savedSerial
    }

    /// Builds all devices. `vm` must have its interrupt controllers already.
    consuming func build(for vm: VirtualMachine) throws(Failure) -> Board {
        let console = try makeConsole(vm)
        let agentPort = try attachPort(to: vm)
        let persistentMemory = try makePersistentMemory(vm)
        var quiet: [(name: String, device: any VirtioDevice)] = []
        if configuration.hasEntropy { quiet.append(("entropy source", VirtioRng(loop: loop))) }
        if let persistentMemory { quiet.append(("persistent memory", persistentMemory)) }
        try attachDisks(and: quiet, to: vm)
        let notes = try GuestNotes(loop: loop, logger: logger)
        let report = reporter(notes)
        let ports = PortBus(
            serial: console.serial, keyboard: I8042(handler: report), panic: PVPanic(handler: report),
            power: PowerControl(handler: report), mark: BootMarker(handler: report),
            reset: ResetControl(handler: report), timer: IntervalTimer(of: vm))
        let button = PowerButton(line: InterruptWire(to: Layout.eventGSI, of: vm))
        return Board(
            ports: ports, windows: MMIOBus(devices: windows), deviceNames: names, powerButton: button,
            console: console.terminal, consoleTail: console.tail, agentPort: agentPort,
            persistentMemory: persistentMemory, notes: notes)
    }

    /// Makes the handler for events that the guest reports through registers: it ends the machine, or notes
    /// the event.
    private func reporter(_ notes: GuestNotes) -> MachineEventHandler {
        { [control, timings] event in
            switch event {
            case .powerOff: control.finish(.poweredOff)
            case .reset: control.finish(.reset)
            case .panicked: control.finish(.panicked)
            case .crashLoaded: notes.noteCrash()
            case .mark(BootMarker.userland): timings.note(.userland)
            case .mark(let value): notes.note(marker: value)
            }
        }
    }

    /// The parts of a console: its chip, its terminal, and its kept output.
    private struct Console {
        var serial: Serial16550?
        var terminal: MachineConsole?
        var tail: ConsoleTail?
    }

    private mutating func makeConsole(_ vm: VirtualMachine) throws(Failure) -> Console {
        let line = InterruptWire(to: Layout.serialGSI, of: vm)
        switch configuration.console {
        case .none: return Console()
        case .serial where configuration.keepsConsole:
            let tail = ConsoleTail()
            return Console(serial: try serialPort(on: line, to: tail), tail: tail)
        // `settleConsole` has already replaced `.automatic`.
        case .serial, .automatic:
            let sink = try MachineConsole.makeSink(logger: logger)
            let serial = try serialPort(on: line, to: sink)
            return Console(
                serial: serial,
                terminal: try MachineConsole(sink: sink, receiver: serial, loop: loop, control: control))
        case .virtio:
            let sink = try MachineConsole.makeSink(logger: logger)
            let size = MachineConsole.terminalSize ?? Terminal.Size(columns: 0, rows: 0)
            let device = try VirtioConsole(
                output: sink, loop: loop, columns: size.columns, rows: size.rows)
            try attach(device, named: "console", to: vm)
            let early = EarlyOutput(sink: sink, until: device)
            return Console(
                serial: configuration.hasEarlySerial ? try serialPort(on: line, to: early) : nil,
                terminal: try MachineConsole(sink: sink, receiver: device, loop: loop, control: control))
        }
    }

    /// Makes the serial port, in its saved state if there is one.
    private func serialPort(
        on line: InterruptWire, to output: any SerialOutput
    ) throws(Failure) -> Serial16550 {
        guard let savedSerial else { return Serial16550(line: line, output: output) }
        do throws(SavedStateError) {
            return try Serial16550(savedSerial, line: line, output: output)
        } catch {
            throw Failure(.badInput, "cannot restore the serial port", because: "\(error)")
        }
    }

    /// Attaches the port through which a session communicates with its guest.
    private mutating func attachPort(to vm: VirtualMachine) throws(Failure) -> VirtioSerialPort? {
        guard let session else { return nil }
        // The reference is weak because the session's link owns the port.
        let port = VirtioSerialPort(name: AgentLink.portName, loop: loop) { [weak session] bytes in
            session?.received(bytes)
        }
        try attach(port, named: "agent port", to: vm)
        return port
    }

    /// Maps the files of the persistent memory into a memory slot above all RAM, and makes the device that
    /// reports it.
    private func makePersistentMemory(_ vm: VirtualMachine) throws(Failure) -> VirtioPmem? {
        guard !configuration.persistentMemory.isEmpty else { return nil }
        let files = try PmemFiles(configuration.persistentMemory)
        let start = Layout.persistentMemory(above: memory)
        let addressWidth = KVMSystem.physicalAddressWidth
        guard start.rawValue &+ UInt64(files.byteCount) <= 1 << UInt64(min(addressWidth, 52)) else {
            throw Failure(
                .unavailable, "cannot show the guest \(files.byteCount >> 20) MiB of persistent memory",
                because: "it would lie beyond this CPU's physical addresses, which have \(addressWidth) bits",
                cure: "Use fewer or smaller files, or less memory.")
        }
        try vm.map(readOnly: files.memory, at: start)
        return VirtioPmem(files, at: start, loop: loop)
    }

    /// Attaches the disks. Gives the GSI that costs most to a device that hardly ever interrupts.
    ///
    /// KVM treats GSI 8 as the clock's interrupt, and every interrupt of the clock has to be acknowledged by
    /// an exit (kvm_ioapic_scan_entry, RTC_GSI). That costs 7 % of a small request.
    private mutating func attachDisks(
        and quiet: [(name: String, device: any VirtioDevice)], to vm: VirtualMachine
    ) throws(Failure) {
        var quiet = quiet[...]
        var files: [DiskFile] = []
        for disk in configuration.disks {
            if Layout.firstVirtioGSI + UInt32(windows.count) == Layout.clockGSI, let next = quiet.popFirst() {
                try attach(next.device, named: next.name, to: vm)
            }
            let file = try DiskFile.open(
                disk.path, readOnly: disk.isReadOnly, acceptsAnyContent: disk.isRaw,
                sectorByteCount: disk.sectorByteCount, beside: files)
            files.append(file)
            try attach(
                VirtioBlock(file, identifier: disk.identifier), named: "disk \(files.count)", to: vm)
        }
        for next in quiet { try attach(next.device, named: next.name, to: vm) }
    }

    /// Attaches a device: puts it in the next window and connects its interrupt and its doorbells.
    private mutating func attach(
        _ device: any VirtioDevice, named name: String, to vm: VirtualMachine
    ) throws(Failure) {
        let index = windows.count
        guard index < Layout.virtioDeviceLimit else {
            throw Failure(
                .usage, "cannot attach so many devices",
                because: "a machine has room for \(Layout.virtioDeviceLimit)")
        }
        let wire = InterruptWire(to: Layout.virtioGSI(index), of: vm)
        let transport = try VirtioTransport(device: device, memory: memory, line: wire)
        let window = Layout.virtioWindow(index)
        for queue in transport.connectedQueues {
            let address = GuestAddress(window.start.rawValue &+ VirtioMMIO.queueNotifyOffset)
            try vm.connect(transport.doorbells[queue], toWriteOf: UInt32(queue), at: address)
        }
        windows.append(VirtioMMIO(transport))
        names.append(name)
    }
}
