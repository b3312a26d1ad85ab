/// An option, as the help, the man page and the completions show it.
struct OptionDescription: Sendable {
    /// How far the option is supported.
    enum Support: Sendable, Equatable {
        case full
        /// An option of another program that is accepted and has no effect.
        case ignored
        /// An option of another program that is refused, unless it has one of these values.
        case refused(unless: [String])
    }

    /// The long name, without its hyphens.
    let name: String
    let letter: Unicode.Scalar?
    /// The kind of its value; nil for a flag.
    let value: Value?
    let help: String
    /// The title of the group in which the help lists the option; empty for the first.
    let group: String
    let support: Support

    /// "-e" and "--env", or "--env-file" alone.
    var spellings: [String] { (letter.map { ["-\($0)"] } ?? []) + ["--" + name] }
}

/// A command, as its help, its man page and the completions show it.
struct CommandDescription: Sendable {
    /// The command line that calls the command: "vmm image list".
    let path: String
    let name: String
    let aliases: [String]
    let isHidden: Bool
    let page: Page
    let synopsis: String
    let operands: Operands
    /// The options to list: no option of another program.
    let options: [OptionDescription]
    /// The commands below it, hidden ones included.
    let commands: [CommandDescription]

    /// The name of the man page: "vmm-image-list".
    var pageName: String { path.split(separator: " ").joined(separator: "-") }

    var shownCommands: [CommandDescription] { commands.filter { !$0.isHidden } }

    /// The command and all commands below it, without the hidden ones.
    var all: [CommandDescription] { [self] + shownCommands.flatMap(\.all) }
}

extension CommandDeclaration {
    /// The usage line: "vmm boot [OPTION]... --kernel FILE".
    static func synopsis(_ path: String) -> String {
        ([path, "[OPTION]..."] + [page.required, operands.synopsis].filter { !$0.isEmpty })
            .joined(separator: " ")
    }

    /// The options that the help lists: the declared ones, then `--help` and `--version`.
    static var listedOptions: [OptionDescription] {
        let own = options.filter { $0.support == .full }
        func answer(_ name: String, _ letter: Unicode.Scalar?, _ help: String) -> OptionDescription {
            OptionDescription(
                name: name, letter: letter, value: nil, help: help, group: "", support: .full)
        }
        let letter: Unicode.Scalar? = own.contains { $0.letter == "h" } ? nil : "h"
        return own + [answer("help", letter, "Show this help."), answer("version", nil, "Show the version.")]
    }
}

extension CommandDeclaration {
    /// The description of a command without commands below it.
    static func description(_ path: String, commands: [CommandDescription] = []) -> CommandDescription {
        CommandDescription(
            path: path, name: commandName, aliases: aliases, isHidden: isHidden, page: page,
            synopsis: commands.isEmpty ? synopsis(path) : "\(path) [OPTION]... COMMAND",
            operands: operands, options: listedOptions, commands: commands)
    }
}

extension Command {
    /// The description of the command and of all commands below it.
    static func description(_ path: String) -> CommandDescription {
        var commands = Subcommands(wanted: nil)
        declare(&commands)
        return description(
            path, commands: commands.listed.map { $0.description("\(path) \($0.commandName)") })
    }
}
