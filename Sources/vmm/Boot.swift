import Host
import Logging
import Machine

/// `vmm boot` after its arguments have been parsed.
enum Boot {
    static func run(_ arguments: BootArguments) throws(Failure) -> Never {
        let times = Timings(processStart: .processStart())
        times.note(.mainEntered)
        let logger = try StandardErrorLog.logger(level: arguments.logLevel)
        let configuration = try MachineConfiguration(arguments)
        let machine = try Machine(
            configuration, from: MachineStart(timings: times), timings: times, logger: logger,
            allowsEmulation: arguments.allowEmulation)
        let end = machine.run(endsProcess: true)
        let status = status(of: end, outputFailure: machine.outputFailure)
        if let path = arguments.timings {
            try WholeFile.write(times.json(end: end, status: status), to: path)
        }
        StandardError.write("vmm: \(end)\n")
        if end.needsConsole, Terminal.isTerminal(2), let hint = machine.hintAfterSilence {
            StandardError.write("vmm: \(hint)\n")
        }
        machine.exitProcess(status: status)
    }

    /// Returns the exit status. If the guest powered off but some of its output was lost, that is a failure;
    /// any other end is a failure already.
    private static func status(of end: MachineEnd, outputFailure: Failure?) -> Int32 {
        guard end.exitStatus == 0, let outputFailure else { return end.exitStatus }
        return outputFailure.kind.rawValue
    }
}

extension MachineConfiguration {
    init(_ arguments: BootArguments) throws(Failure) {
        self.init(kernel: arguments.kernel)
        allowsAnyKernel = arguments.allowAnyKernel
        initramfs = arguments.initrd
        commandLine = arguments.cmdline
        appendedCommandLine = arguments.append
        memoryByteCount = try MachineConfiguration.byteCount(arguments.memory)
        cpuCount = try MachineConfiguration.cpuCount(arguments.cpus)
        for text in arguments.disk { disks.append(try DiskConfiguration(parsing: text)) }
        for text in arguments.pmem { persistentMemory += try MachineConfiguration.files(text) }
        console = try MachineConfiguration.Console(parsing: arguments.console)
        try validate()
    }
}
