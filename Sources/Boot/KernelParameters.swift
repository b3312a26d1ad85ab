/// The parameters of a command line, parsed like Linux does (lib/cmdline.c, `next_arg`; kernel/params.c,
/// `parse_args`). Blanks separate parameters except between quotes, which may stand anywhere. Everything
/// after a word `--` is for init.
public struct KernelParameters: Sequence, IteratorProtocol {
    /// A parameter `name=value`, without the quotes around it or around its value.
    public struct Parameter: Equatable, Sendable {
        public let name: String
        public let value: String?
    }

    private var rest: Substring.UTF8View

    public init(_ commandLine: String) {
        rest = commandLine[...].utf8
    }

    /// Returns the next parameter, or nil at the end of the kernel's own parameters.
    public mutating func next() -> Parameter? {
        rest = rest.drop(while: Self.isBlank)
        guard !rest.isEmpty else { return nil }
        let parameter = Self.parameter(takeWord())
        guard parameter != Parameter(name: "--", value: nil) else {
            rest = rest.suffix(0)
            return nil
        }
        return parameter
    }

    /// Takes the next word, which ends at a blank outside quotes.
    private mutating func takeWord() -> Substring.UTF8View {
        var isQuoted = false
        let word = rest.prefix { byte in
            if byte == Self.quote { isQuoted.toggle() }
            return isQuoted || !Self.isBlank(byte)
        }
        rest = rest[word.endIndex...]
        return word
    }

    private static func parameter(_ word: Substring.UTF8View) -> Parameter {
        var word = word
        let isQuoted = word.first == quote
        if isQuoted { word = word.dropFirst() }
        guard let equals = word.dropFirst().firstIndex(of: UInt8(ascii: "=")) else {
            return Parameter(name: text(isQuoted ? withoutQuote(word) : word), value: nil)
        }
        var value = word[word.index(after: equals)...]
        let isValueQuoted = value.first == quote
        if isValueQuoted { value = value.dropFirst() }
        if isQuoted || isValueQuoted { value = withoutQuote(value) }
        return Parameter(name: text(word[..<equals]), value: text(value))
    }

    private static func withoutQuote(_ word: Substring.UTF8View) -> Substring.UTF8View {
        word.last == quote ? word.dropLast() : word
    }

    private static func text(_ bytes: Substring.UTF8View) -> String { String(Substring(bytes)) }

    private static let quote = UInt8(ascii: "\"")

    /// Whether Linux' isspace() is true for an ASCII byte.
    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || 0x09...0x0D ~= byte }
}

/// Parameters by which the user turns off a way in which the kernel learns about its machine.
public struct KernelSwitches: Equatable, Sendable {
    /// Whether the kernel does without ACPI. The last parameter about ACPI counts
    /// (arch/x86/kernel/acpi/boot.c, `parse_acpi`).
    public private(set) var turnsOffACPI = false
    /// Whether the kernel does without kvm-clock, from which it would get the frequency of its time stamp
    /// counter (arch/x86/kernel/kvmclock.c; `nopv` in arch/x86/kernel/cpu/hypervisor.c).
    public private(set) var turnsOffKVMClock = false
    /// Whether the kernel leaves its CPU's local APIC alone (arch/x86/kernel/apic/apic.c,
    /// `setup_disableapic`).
    public private(set) var turnsOffLocalAPIC = false

    public init(_ commandLine: String) {
        for parameter in KernelParameters(commandLine) {
            switch (parameter.name, parameter.value) {
            case ("acpi", "off"): turnsOffACPI = true
            case ("acpi", "force"): turnsOffACPI = false
            case ("no-kvmclock", _), ("no_kvmclock", _), ("nopv", _): turnsOffKVMClock = true
            case ("nolapic", _), ("disableapic", _): turnsOffLocalAPIC = true
            default: break
            }
        }
    }
}
