import Host
import Logging
import Machine

/// Runs `vmm boot`, whose options have been read.
enum Boot {
    static func run(_ options: BootOptions) throws(Failure) -> Never {
        let times = Timings(processStart: .processStart())
        times.note(.mainEntered)
        let logger = StandardErrorLog.logger(level: options.logLevel)
        let configuration = try MachineConfiguration(options)
        let machine = try Machine(
            configuration, from: MachineStart(timings: times), timings: times, logger: logger,
            allowsEmulation: options.allowsEmulation)
        let end = machine.run(endsProcess: true)
        let status = status(of: end, outputFailure: machine.outputFailure)
        if let path = options.timings {
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
    init(_ options: BootOptions) throws(Failure) {
        self.init(kernel: options.kernel)
        allowsAnyKernel = options.allowsAnyKernel
        initramfs = options.initrd
        commandLine = options.cmdline
        appendedCommandLine = options.append
        memoryByteCount = try MachineConfiguration.byteCount(options.memory)
        cpuCount = try MachineConfiguration.cpuCount(options.cpus)
        for text in options.disk { disks.append(try DiskConfiguration(parsing: text)) }
        for text in options.pmem { persistentMemory += try MachineConfiguration.files(text) }
        console = options.console
        try validate()
    }
}
