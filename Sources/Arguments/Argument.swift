import Host

/// The kind of an option's value: its name in the help, and how a shell completes it.
public enum Value: Sendable {
    /// Any text; the help calls it by this name, as in "SIZE".
    case text(String)
    case file(String)
    case directory(String)
    /// One of several words.
    case words(String, [String])
    /// An image of the store.
    case image(String)

    /// The name of the value in the help.
    var name: String {
        switch self {
        case .text(let name), .file(let name), .directory(let name), .words(let name, _), .image(let name):
            name
        }
    }

    var isPath: Bool {
        switch self {
        case .file, .directory: true
        case .text, .words, .image: false
        }
    }
}

/// The value of an option, as the user wrote it.
struct Argument {
    let text: String
    /// The option as the user wrote it: "--memory" or "-m".
    let option: String

    init(_ text: String, of option: String) {
        self.text = text
        self.option = option
    }

    /// Makes the failure of a value that cannot be used.
    func invalid(_ why: String) -> Failure {
        Failure(.usage, "invalid value '\(text)' for \(option)", because: why)
    }
}
