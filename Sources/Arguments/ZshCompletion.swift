/// The completions for zsh, by its `_arguments`.
enum ZshCompletion {
    static func script(_ program: CommandDescription) -> String {
        """
        #compdef \(program.name)
        # Completions of \(program.name) for zsh, written by `\(program.name) help --completion zsh`.

        _\(program.name)_images() {
            local -a names
            names=(${(f)"$(_call_program images \(program.name) image list 2>/dev/null | \
        while read -r name identifier rest; do
                case $name in NAME) ;; -|…*) print -r -- $identifier ;; *) print -r -- $name ;; esac
            done)"})
            compadd -a names
            _files
        }

        \(program.all.map(function).joined(separator: "\n\n"))

        _\(program.name) "$@"

        """
    }

    private static func functionName(_ command: CommandDescription) -> String {
        "_" + command.path.split(separator: " ").joined(separator: "_")
    }

    private static func function(_ command: CommandDescription) -> String {
        let specifications = command.options.flatMap(option) + operands(command)
        let flags = command.shownCommands.isEmpty ? "-s -S" : "-C"
        var lines = ["\(functionName(command))() {"]
        if !command.shownCommands.isEmpty {
            lines.append("    local curcontext=$curcontext state line")
        }
        lines.append("    _arguments \(flags) : \\")
        lines.append(specifications.map { "        \($0)" }.joined(separator: " \\\n"))
        if !command.shownCommands.isEmpty { lines += choice(command) }
        return (lines + ["}"]).joined(separator: "\n")
    }

    /// The specifications of an option, one for each of its names.
    private static func option(_ option: OptionDescription) -> [String] {
        let value = option.value.map { ":\(escaped($0.name)):\(action($0))" } ?? ""
        let help = "[\(escaped(option.help))]"
        let long = "*--\(option.name)\(option.value == nil ? "" : "=")"
        let short = option.letter.map { "*-\($0)\(option.value == nil ? "" : "+")" }
        return ((short.map { [$0] } ?? []) + [long]).map { quoted($0 + help + value) }
    }

    private static func operands(_ command: CommandDescription) -> [String] {
        if !command.shownCommands.isEmpty { return ["'1: :->command'", "'*:: :->arguments'"] }
        if command.operands.count.upperBound == 0 { return [] }
        let first = action(command.operands.value)
        if command.operands.endOptions { return ["'1:operand:\(first)'", "'*::operand:_files'"] }
        return ["'*:operand:\(first)'"]
    }

    /// Completes the name of a command below, and then what that command takes.
    private static func choice(_ command: CommandDescription) -> [String] {
        let below = command.shownCommands
        return ["    case $state in", "    command)", "        local -a commands=("]
            + below.map { "            " + quoted("\($0.name):\($0.page.abstract)") }
            + ["        )", "        _describe command commands", "        ;;", "    arguments)"]
            + ["        case $line[1] in"]
            + below.map { command in
                let names = ([command.name] + command.aliases).joined(separator: "|")
                return "        \(names)) \(functionName(command)) ;;"
            } + ["        esac", "        ;;", "    esac"]
    }

    private static func action(_ value: Value) -> String {
        switch value {
        case .file: "_files"
        case .directory: "_files -/"
        case .words(_, let words): "(\(words.joined(separator: " ")))"
        case .image: "_vmm_images"
        case .text: " "
        }
    }

    /// Escapes what `_arguments` would interpret.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            if "[]:\\".contains(character) { result += "\\" }
            result.append(character)
        }
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
