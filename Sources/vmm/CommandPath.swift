import ArgumentParser
import Host

/// The command that a command line names, as in `vmm image list`.
struct CommandPath {
    private(set) var words = ["vmm"]
    /// The word in the place of a command that names none.
    private(set) var unknown: String?

    /// Parses `arguments`, which follow the program's name.
    init(_ arguments: ArraySlice<String>) {
        var command: any ParsableCommand.Type = VMM.self
        for word in arguments {
            let commands = command.configuration.subcommands
            guard !commands.isEmpty, !word.hasPrefix("-") else { return }
            guard let next = commands.first(where: { $0.isCalled(word) }) else {
                unknown = word
                return
            }
            words.append(word)
            command = next
        }
    }

    /// The command line that prints the help: "vmm image --help".
    var help: String { words.joined(separator: " ") + " --help" }

    /// The failure to report for a word that names no command; nil if every word names one.
    var failure: Failure? {
        guard let unknown else { return nil }
        let name = (words.dropFirst() + [unknown]).joined(separator: " ")
        let cure =
            if let own = Self.ours[name] { "Write `\(own)`." } else {
                "\(help) lists those that there are."
            }
        return Failure(
            .usage, "cannot do '\(name)'",
            because: "there is no such command", cure: cure)
    }

    /// The commands that docker's users know by another name.
    private static let ours = [
        "images": "vmm image list", "pull": "vmm image import NAME", "load": "vmm image import FILE",
        "rmi": "vmm image remove NAME", "image pull": "vmm image import NAME",
        "image load": "vmm image import FILE", "image tag": "vmm image import FILE --name NAME",
        "info": "vmm doctor", "version": "vmm --version",
    ]
}

extension ParsableCommand {
    fileprivate static func isCalled(_ word: String) -> Bool {
        configuration.commandName == word || configuration.aliases.contains(word)
    }
}
