import Boot

extension MachineConfiguration {
    /// What a kernel is told when the user says nothing: where its console is, and to end on a panic instead of hanging.
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

    /// The words that the kernel gets. Those that came with it follow the default ones, and so count where both say something.
    ///
    /// What it could not find out by itself goes in front, because what follows `--` is init's. A kernel that has no ACPI, or is
    /// told `acpi=off`, is told of its devices. One that is told to do without kvm-clock is told the frequency of its time stamp
    /// counter, in kHz, where KVM knows it: to measure it takes a timer whose every access is an exit.
    func kernelCommandLine(
        on machine: MachineDescription, for kernel: LinuxLoader.KernelTraits = LinuxLoader.KernelTraits(),
        timeStampFrequency: () -> UInt32? = { nil }
    ) -> String {
        var line = commandLine ?? defaultCommandLine
        if commandLine == nil, let own = kernel.commandLine { line += " " + own }
        if let appendedCommandLine { line += (line.isEmpty ? "" : " ") + appendedCommandLine }
        let switches = KernelSwitches(line)
        if switches.turnsOffKVMClock, let frequency = timeStampFrequency() {
            line = "tsc_early_khz=\(frequency) " + line
        }
        if kernel.lacksACPI || switches.turnsOffACPI { line = machine.commandLineWords + " " + line }
        return line
    }
}
