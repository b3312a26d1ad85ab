import Boot

extension MachineConfiguration {
    /// The default command line: it names the console, and makes a panic end the machine instead of hanging
    /// it.
    public var defaultCommandLine: String {
        let console =
            switch self.console {
            case .virtio where hasEarlySerial: "earlyprintk=ttyS0,115200 console=hvc0 "
            case .virtio: "console=hvc0 "
            case .serial, .automatic: "console=ttyS0 "
            case .none: ""
            }
        return console + "panic=-1"
    }

    /// Returns the complete command line of the kernel. The kernel's own command line follows the default
    /// one, and so overrides it.
    ///
    /// Additional parameters go in front, because everything after `--` belongs to init:
    ///
    /// - A kernel without ACPI, or with `acpi=off`, gets the parameters that describe its devices.
    /// - A kernel whose ACPI finds no devices gets these and `acpi=off`.
    /// - A kernel that is not to use kvm-clock gets the frequency of its time stamp counter in kHz, if KVM
    ///   knows it. To measure the frequency the kernel would need a timer whose every access is an exit.
    func kernelCommandLine(
        on description: MachineDescription, for kernel: LinuxLoader.KernelTraits = LinuxLoader.KernelTraits(),
        timeStampFrequency: () -> UInt32? = { nil }
    ) -> String {
        var line = commandLine ?? defaultCommandLine
        if commandLine == nil, let own = kernel.commandLine { line += " " + own }
        if let appendedCommandLine { line += (line.isEmpty ? "" : " ") + appendedCommandLine }
        if kernel.acpi == .findsNoDevices { line = "acpi=off " + line }
        let switches = KernelSwitches(line)
        if switches.turnsOffKVMClock, let frequency = timeStampFrequency() {
            line = "tsc_early_khz=\(frequency) " + line
        }
        if kernel.acpi == .none || switches.turnsOffACPI {
            line = description.commandLineParameters + " " + line
        }
        return line
    }
}
