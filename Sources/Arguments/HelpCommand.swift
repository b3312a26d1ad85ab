import Host

/// `vmm help [COMMAND]...`, and what `make` asks of the program: its man pages and its shell completions.
struct HelpCommand: CommandDeclaration {
    /// A shell that completions can be written for.
    enum Shell: String, CaseIterable {
        case none, bash, zsh, fish
    }

    static let commandName = "help"
    static let isHidden = true
    static let operands = Operands("[COMMAND]...", count: 0...8)
    static let page = Page("Show the help of a command.")

    private var listsPages = false
    private var wantsManual = false
    private var shell = Shell.none
    private var words: [String] = []

    mutating func declare(_ options: inout Options) {
        options.flag("pages", "List the commands that have a man page, one a line.", to: &listsPages)
        options.flag("man", "Write the man page of the command.", to: &wantsManual)
        options.choice("completion", "SHELL", "Write the completions for a shell.", to: &shell)
    }

    mutating func take(_ operands: [String]) { words = operands }

    /// Answers `vmm help`; `words` follow it.
    static func answer(
        _ words: ArraySlice<String>, for root: any Command.Type, version: String
    ) throws(Failure) {
        var help = HelpCommand()
        let path = root.commandName + " " + commandName
        switch try help.read(words, path: path) {
        case .version: try StandardOutput.write(version + "\n")
        case .help: try StandardOutput.write(HelpText.of(description(path)))
        case .run: try StandardOutput.write(try help.text(root, version: version))
        }
    }

    private func text(_ root: any Command.Type, version: String) throws(Failure) -> String {
        let program = root.description(root.commandName)
        switch shell {
        case .none: break
        case .bash: return BashCompletion.script(program)
        case .zsh: return ZshCompletion.script(program)
        case .fish: return FishCompletion.script(program)
        }
        if listsPages { return program.all.map { $0.path + "\n" }.joined() }
        let command = try command(root)
        return wantsManual ? ManPage.of(command, in: program, version: version) : HelpText.of(command)
    }

    /// Finds the command that the operands call.
    private func command(_ root: any Command.Type) throws(Failure) -> CommandDescription {
        var (command, path) = (root, root.commandName)
        for word in words {
            var commands = Subcommands(wanted: word)
            command.declare(&commands)
            guard let next = commands.found else { throw command.unknownCommand(word, path) }
            (command, path) = (next, path + " " + next.commandName)
        }
        return command.description(path)
    }
}
