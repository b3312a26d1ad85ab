import Boot

extension MachineConfiguration {
    /// What a kernel is told when the user says nothing: where its console is, and to end on a panic instead of hanging.
    public var defaultCommandLine: String {
        let console =
            switch self.console {
            case .virtio: "console=hvc0 "
            case .serial: "console=ttyS0 "
            case .none: ""
            }
        return console + "panic=-1"
    }

    /// The words that the kernel gets. One that is told `acpi=off` cannot find its devices in ACPI's tables: it is told of
    /// them too, in front, because what follows `--` is init's.
    func kernelCommandLine(on machine: MachineDescription) -> String {
        var line = commandLine ?? defaultCommandLine
        if let appendedCommandLine { line += (line.isEmpty ? "" : " ") + appendedCommandLine }
        let words = line.split(separator: " ").prefix { $0 != "--" }
        return words.contains("acpi=off") ? machine.commandLineWords + " " + line : line
    }
}
