/// What the user asks of the monitor itself, from the terminal.
public enum ConsoleCommand: Hashable, Sendable {
    /// Ctrl-A x: end the guest.
    case end
    /// Ctrl-A h: say which keys there are.
    case help
}

/// Finds the monitor's own keys in what the user types: Ctrl-A x, Ctrl-A h, and Ctrl-A Ctrl-A, which sends one Ctrl-A.
/// A Ctrl-A before any other key goes to the guest together with it.
struct EscapeFilter: Hashable, Sendable {
    enum Outcome: Hashable {
        /// The guest gets this.
        case send([UInt8])
        case command(ConsoleCommand)
        /// Nothing yet: the next byte decides.
        case wait
    }

    static let prefix: UInt8 = 0x01  // Ctrl-A
    private var sawPrefix = false

    mutating func feed(_ byte: UInt8) -> Outcome {
        guard sawPrefix else {
            sawPrefix = byte == Self.prefix
            return sawPrefix ? .wait : .send([byte])
        }
        sawPrefix = false
        switch byte {
        case UInt8(ascii: "x"), UInt8(ascii: "X"): return .command(.end)
        case UInt8(ascii: "h"), UInt8(ascii: "H"), UInt8(ascii: "?"): return .command(.help)
        case Self.prefix: return .send([byte])
        default: return .send([Self.prefix, byte])
        }
    }
}
