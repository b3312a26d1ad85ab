import Boot
import Host

/// Which console a machine gets where its user leaves that open.
extension MachineConfiguration {
    /// Replaces `.automatic` by the console that the kernel can use: the one that the user's command line or the kernel's own
    /// names, else the virtio console if the kernel has its driver built in, else the serial port, which stock kernels print
    /// to from their first instructions on. `has` says whether the kernel has a driver built in.
    ///
    /// One console and not both: a kernel that is told of two prints its log twice, and systemd asks for a login on each.
    /// A boot console is another thing: the kernel itself gives it up for the console that takes its place.
    mutating func settleConsole(
        for kernel: LinuxLoader.KernelTraits = LinuxLoader.KernelTraits(),
        has: (BuiltInDriver) throws(Failure) -> Bool
    ) throws(Failure) {
        guard console == .automatic else { return }
        let written = (commandLine ?? kernel.commandLine ?? "") + " " + (appendedCommandLine ?? "")
        let named = NamedConsoles(written)
        if named.hasVirtio != named.hasSerial {
            console = named.hasVirtio ? .virtio : .serial
        } else {
            console = try has(.virtioConsole) ? .virtio : .serial
        }
        guard console == .virtio else { return }
        hasEarlySerial = named.hasEarlySerial
        if commandLine == nil, !hasEarlySerial { hasEarlySerial = try has(.earlyPrintk) }
    }

    /// What to tell the user whose kernel is told of consoles that the machine lacks, and of none that it has.
    func missingConsoleHint(for line: String) -> String? {
        let named = NamedConsoles(line).names
        let present = present
        guard let first = named.first, !named.contains(where: { present == $0 }) else { return nil }
        let other = first == "hvc0" ? "virtio" : first == "ttyS0" ? "serial" : nil
        let cure = other.map { "--console \($0) gives it one" } ?? "a machine has hvc0 or ttyS0"
        return
            "the command line names the console \(first.printable), which this machine does not have; \(cure)"
    }

    /// What Linux calls the machine's console.
    private var present: String? {
        switch console {
        case .virtio: "hvc0"
        case .serial, .automatic: "ttyS0"
        case .none: nil
        }
    }
}
