import CLinux

/// The words of `/proc/cmdline`: parameters and, after a word `--`, the command for init. Init's own
/// arguments do not serve here, because the kernel also puts parameters there that it does not know.
struct KernelCommandLine {
    private(set) var parameters: [String] = []
    private(set) var command: [String] = []

    /// Reads the running kernel's command line; empty if `/proc` is not mounted.
    static func running() -> KernelCommandLine {
        let file = try? Descriptor(opening: "/proc/cmdline", O_RDONLY)
        return KernelCommandLine(file?.text(upTo: 4096) ?? "")
    }

    init(_ text: String) {
        var isCommand = false
        for word in KernelCommandLine.words(of: text) {
            if isCommand {
                command.append(word)
            } else if word.isEqual(to: "--") {
                isCommand = true
            } else {
                parameters.append(word)
            }
        }
    }

    func contains(_ parameter: String) -> Bool {
        parameters.contains { $0.isEqual(to: parameter) }
    }

    /// Splits at white space outside double quotes and drops the quotes, as the kernel's `next_arg` does.
    private static func words(of text: String) -> [String] {
        var words: [[UInt8]] = [[]]
        var isQuoted = false
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case 0...UInt8(ascii: " ") where !isQuoted: words.append([])
            default: words[words.count - 1].append(byte)
            }
        }
        return words.filter { !$0.isEmpty }.map { String(decoding: $0, as: UTF8.self) }
    }
}

extension String {
    /// Compares byte by byte: `==` would link Unicode's normalisation tables into init.
    func isEqual(to other: String) -> Bool {
        utf8.elementsEqual(other.utf8)
    }
}
