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
    /// A kernel that has no ACPI, or is told `acpi=off`, cannot find its devices in ACPI's tables: it is told of them too, in
    /// front, because what follows `--` is init's.
    func kernelCommandLine(
        on machine: MachineDescription, for kernel: LinuxLoader.KernelTraits = LinuxLoader.KernelTraits()
    ) -> String {
        var line = commandLine ?? defaultCommandLine
        if commandLine == nil, let own = kernel.commandLine { line += " " + own }
        if let appendedCommandLine { line += (line.isEmpty ? "" : " ") + appendedCommandLine }
        guard kernel.lacksACPI || Self.kernelWords(line).contains("acpi=off") else { return line }
        return machine.commandLineWords + " " + line
    }

    /// The words of a command line that are the kernel's: what follows `--` is init's.
    static func kernelWords(_ line: String) -> ArraySlice<Substring> {
        line.split(separator: " ").prefix { $0 != "--" }
    }
}
