/// A command to the monitor itself, typed at the terminal.
public enum ConsoleCommand: Hashable, Sendable {
    /// Ctrl-A x: end the guest.
    case end
    /// Ctrl-A h: show the keys.
    case help
}

/// Finds the monitor's own keys in the user's input: Ctrl-A x, Ctrl-A h, and Ctrl-A Ctrl-A, which sends one
/// Ctrl-A. Ctrl-A before any other key goes to the guest together with that key.
struct EscapeFilter: Hashable, Sendable {
    enum Outcome: Hashable {
        /// The bytes go to the guest.
        case send([UInt8])
        case command(ConsoleCommand)
        /// The next byte decides.
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
