import Host
import SystemPackage

/// What a command prints for programs and people to read on.
enum StandardOutput {
    static func write(_ text: String) {
        _ = try? FileDescriptor.standardOutput.writeAll(text.utf8)
    }

    /// Colours only on a terminal, and never with NO_COLOR.
    static var takesColour: Bool {
        Terminal.isTerminal(FileDescriptor.standardOutput.rawValue) && !Environment.has("NO_COLOR")
    }
}
