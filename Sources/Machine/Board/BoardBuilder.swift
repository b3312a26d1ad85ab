import Boot
import Bus
import Devices
import GuestMemory
import Host
import KVM
import Logging
import Virtio

/// Makes the devices of a configuration and connects them with KVM.
struct BoardBuilder: ~Copyable {
    let configuration: MachineConfiguration
    let memory: GuestMemory
    let loop: EventLoop
    let control: MachineControl
    let timings: Timings
    let logger: Logger
    private var windows: [VirtioMMIO] = []

    init(
        _ configuration: MachineConfiguration, memory: GuestMemory, loop: EventLoop, control: MachineControl,
        timings: Timings, logger: Logger
    ) {
        self.configuration = configuration
        self.memory = memory
        self.loop = loop
        self.control = control
        self.timings = timings
        self.logger = logger
    }

    /// Builds it all; `machine` has its interrupt controllers already.
    consuming func build(for machine: VirtualMachine) throws(Failure) -> Board {
        let (serial, console) = try makeConsole(machine)
        try attachDisksAndRng(to: machine)
        let report = reporter()
        let ports = PortBus(
            serial: serial, keyboard: I8042(handler: report), panic: PVPanic(handler: report),
            power: PowerControl(handler: report), mark: BootMark(handler: report))
        let button = PowerButton(line: InterruptWire(to: Layout.eventGSI, of: machine))
        return Board(
            ports: ports, windows: WindowBus(devices: windows), powerButton: button, console: console)
    }

    /// What the guest says through a register ends the machine, or is noted.
    private func reporter() -> MachineEventHandler {
        { [control, timings, logger] event in
            switch event {
            case .powerOff: control.finish(.poweredOff)
            case .reset: control.finish(.reset)
            case .panicked: control.finish(.panicked)
            case .crashLoaded: logger.notice("the guest's kernel panicked and its crash kernel takes over")
            case .mark(BootMark.userland): timings.note(.userland)
            case .mark(let value): logger.info("the guest wrote mark \(value)")
            }
        }
    }

    private mutating func makeConsole(
        _ machine: VirtualMachine
    ) throws(Failure) -> (Serial16550?, MachineConsole?) {
        switch configuration.console {
        case .none: return (nil, nil)
        case .serial:
            let sink = try MachineConsole.makeSink(logger: logger)
            let serial = Serial16550(
                line: InterruptWire(to: Layout.serialGSI, of: machine), output: sink)
            return (serial, try MachineConsole(sink: sink, receiver: serial, loop: loop, control: control))
        case .virtio:
            let sink = try MachineConsole.makeSink(logger: logger)
            let size = MachineConsole.terminalSize ?? Terminal.Size(columns: 0, rows: 0)
            let device = try VirtioConsole(
                output: sink, loop: loop, columns: size.columns, rows: size.rows)
            try attach(device, to: machine)
            return (nil, try MachineConsole(sink: sink, receiver: device, loop: loop, control: control))
        }
    }

    /// The disks, and the entropy device where its interrupt disturbs least.
    ///
    /// KVM takes GSI 8 for the clock's, whose every interrupt has to be acknowledged by an exit (kvm_ioapic_scan_entry,
    /// RTC_GSI): 8 % of a small request. So the device that is hardly used gets it.
    private mutating func attachDisksAndRng(to machine: VirtualMachine) throws(Failure) {
        var hasRng = false
        for disk in configuration.disks {
            if Layout.firstVirtioGSI + UInt32(windows.count) == Layout.clockGSI {
                try attach(VirtioRng(loop: loop), to: machine)
                hasRng = true
            }
            let file = try DiskFile.open(disk.path, readOnly: disk.isReadOnly)
            try attach(VirtioBlock(file, identifier: disk.identifier), to: machine)
        }
        if !hasRng { try attach(VirtioRng(loop: loop), to: machine) }
    }

    /// Puts a device in the next window, with its interrupt and its doorbells.
    private mutating func attach(_ device: any VirtioDevice, to machine: VirtualMachine) throws(Failure) {
        let index = windows.count
        guard index < Layout.virtioDeviceLimit else {
            throw Failure(
                .usage, "cannot attach so many devices",
                because: "a machine has \(Layout.virtioDeviceLimit) at the most")
        }
        let wire = InterruptWire(to: Layout.virtioGSI(index), of: machine)
        let transport = try VirtioMMIO(device: device, memory: memory, line: wire)
        let window = Layout.virtioWindow(index)
        for (queue, bell) in transport.connectedDoorbells.enumerated() {
            let address = GuestAddress(window.start.rawValue &+ VirtioMMIO.notifyRegister)
            try machine.connect(bell, toWriteOf: UInt32(queue), at: address)
        }
        windows.append(transport)
    }
}
