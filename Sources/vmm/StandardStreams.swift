import Host
import SystemPackage

/// Text for the user, beside what the guest prints.
enum StandardError {
    static func write(_ text: String) {
        _ = try? FileDescriptor.standardError.writeAll(text.utf8)
    }
}

enum StandardOutput {
    static func write(_ text: String) {
        _ = try? FileDescriptor.standardOutput.writeAll(text.utf8)
    }

    /// Colours only on a terminal, and never with NO_COLOR.
    static var takesColour: Bool {
        Terminal.isTerminal(FileDescriptor.standardOutput.rawValue) && !Environment.has("NO_COLOR")
    }
}
