import Boot
import Host

/// Chooses the console of a machine whose user has not chosen one.
extension MachineConfiguration {
    /// Replaces `.automatic` by the console that the kernel can use. `has` returns whether the kernel has a
    /// driver built in.
    ///
    /// The first of these rules that applies decides:
    ///
    /// - If the user's command line or the kernel's own names just one of the two consoles, it is that one.
    /// - If the kernel has the driver of the virtio console built in, it is the virtio console.
    /// - Otherwise it is the serial port, to which stock kernels print from their first instructions on.
    ///
    /// Only one console is chosen: a kernel that gets two prints its log twice, and systemd asks for a login
    /// on each. A boot console is different: the kernel itself gives it up when the real console takes over.
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

    /// Returns a hint for the user if `line` names consoles, but none that this machine has; nil otherwise.
    func missingConsoleHint(for line: String) -> String? {
        let named = NamedConsoles(line).names
        let present = present
        guard let first = named.first, !named.contains(where: { present == $0 }) else { return nil }
        let other = first == "hvc0" ? "virtio" : first == "ttyS0" ? "serial" : nil
        let cure = other.map { "--console \($0) gives it one" } ?? "a machine has hvc0 or ttyS0"
        return
            "the command line names the console \(first.printable), which this machine does not have; \(cure)"
    }

    /// Linux's name of the machine's console.
    private var present: String? {
        switch console {
        case .virtio: "hvc0"
        case .serial, .automatic: "ttyS0"
        case .none: nil
        }
    }
}

/// The consoles that a kernel's command line names (Linux, admin-guide/kernel-parameters.txt: console=,
/// earlyprintk=, earlycon=).
struct NamedConsoles: Equatable {
    /// The consoles that `console=` parameters name, without options: "ttyS0".
    private(set) var names: [String] = []
    /// Whether the command line asks for a boot console on the serial port.
    private(set) var hasEarlySerial = false

    init(_ commandLine: String) {
        for parameter in KernelParameters(commandLine) {
            guard let value = parameter.value else { continue }
            switch parameter.name {
            case "console": if let name = Self.device(value) { names.append(name) }
            case "earlyprintk": if Self.isSerialPort(value) { hasEarlySerial = true }
            case "earlycon": if value.hasPrefix("uart") { hasEarlySerial = true }
            default: break
            }
        }
    }

    var hasVirtio: Bool { names.contains("hvc0") }
    var hasSerial: Bool { names.contains("ttyS0") }

    /// Returns the device that a console's value names. `uart8250,io,0x3f8` is another name of the first
    /// serial port.
    private static func device(_ value: String) -> String? {
        let name = value.prefix { $0 != "," }
        if name.isEmpty || name == "null" { return nil }
        return name.hasPrefix("uart") ? "ttyS0" : String(name)
    }

    private static func isSerialPort(_ value: String) -> Bool {
        value.split(separator: ",").contains { $0 == "serial" || $0 == "ttyS0" }
    }
}
