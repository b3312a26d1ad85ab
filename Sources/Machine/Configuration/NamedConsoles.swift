import Boot

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
