/// The consoles that a kernel's command line names (Linux, admin-guide/kernel-parameters.txt: console=, earlyprintk=,
/// earlycon=).
struct NamedConsoles: Equatable {
    /// What each `console=` names, without its options: "ttyS0".
    private(set) var names: [Substring] = []
    /// Whether a boot console on the serial port is asked for.
    private(set) var hasEarlySerial = false

    init(_ words: some Sequence<Substring>) {
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1)
            guard parts.count == 2 else { continue }
            switch parts[0] {
            case "console": if let name = Self.device(parts[1]) { names.append(name) }
            case "earlyprintk": if Self.isSerialPort(parts[1]) { hasEarlySerial = true }
            case "earlycon": if parts[1].hasPrefix("uart") { hasEarlySerial = true }
            default: break
            }
        }
    }

    var hasVirtio: Bool { names.contains("hvc0") }
    var hasSerial: Bool { names.contains("ttyS0") }

    /// `uart8250,io,0x3f8` is another name of the first serial port.
    private static func device(_ value: Substring) -> Substring? {
        let name = value.prefix { $0 != "," }
        if name.isEmpty || name == "null" { return nil }
        return name.hasPrefix("uart") ? "ttyS0" : name
    }

    private static func isSerialPort(_ value: Substring) -> Bool {
        value.split(separator: ",").contains { $0 == "serial" || $0 == "ttyS0" }
    }
}
