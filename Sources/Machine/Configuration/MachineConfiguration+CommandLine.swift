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

    /// The words that the kernel gets.
    var kernelCommandLine: String {
        let base = commandLine ?? defaultCommandLine
        guard let appendedCommandLine else { return base }
        return base.isEmpty ? appendedCommandLine : base + " " + appendedCommandLine
    }
}
