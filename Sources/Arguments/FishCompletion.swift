/// The completions for fish.
enum FishCompletion {
    static func script(_ program: CommandDescription) -> String {
        let name = program.name
        return """
            # Completions of \(name) for fish, written by `\(name) help --completion fish`.

            # Prints the command that the command line calls, and after it the word "operand" if there is one.
            function __\(name)_path
                set -l path \(name)
                set -l rest (commandline -opc)[2..]
                while set -q rest[1]
                    switch "$path $rest[1]"
            \(commandCases(program))
            \(optionCases(program))
                        case '* -*'
                        case '*'
                            echo "$path operand"
                            return
                    end
                    set -e rest[1]
                end
                echo $path
            end

            function __\(name)_images
                \(name) image list 2>/dev/null | while read -l name identifier rest
                    switch $name
                        case NAME
                        case - '…*'
                            echo $identifier
                        case '*'
                            echo $name
                    end
                end
            end

            complete -c \(name) -f
            \(program.all.flatMap { lines($0, name) }.joined(separator: "\n"))

            """
    }

    private static func commandCases(_ program: CommandDescription) -> String {
        program.all.filter { $0.path != program.path }.map { command in
            let above = command.path.dropLast(command.name.count)
            let words = ([command.name] + command.aliases).map { quoted("\(above)\($0)") }
            return "            case \(words.joined(separator: " "))\n"
                + "                set path \(quoted(command.path))"
        }.joined(separator: "\n")
    }

    /// Passes over the values of options.
    private static func optionCases(_ program: CommandDescription) -> String {
        let words = program.all.flatMap { command in
            command.options.filter { $0.value != nil }.flatMap(\.spellings).map { "\(command.path) \($0)" }
        }
        return "            case \(words.map(quoted).joined(separator: " "))\n                set -e rest[1]"
    }

    private static func lines(_ command: CommandDescription, _ name: String) -> [String] {
        let prefix = "complete -c \(name) -n "
        func condition(_ paths: [String]) -> String {
            quoted(
                "contains (__\(name)_path | string collect) "
                    + paths.map { "\"\($0)\"" }.joined(separator: " "))
        }
        // Operands end the options of some commands only.
        let paths = command.operands.endOptions ? [command.path] : [command.path, command.path + " operand"]
        var lines = command.shownCommands.map { below in
            prefix + condition([command.path]) + " -a \(below.name) -d \(quoted(below.page.abstract))"
        }
        switch command.operands.value {
        case .image: lines.append(prefix + condition(paths) + " -F -a '(__\(name)_images)'")
        case .file: lines.append(prefix + condition(paths) + " -F")
        case .directory, .words, .text: break
        }
        if command.operands.endOptions {
            lines.append(prefix + condition([command.path + " operand"]) + " -F")
        }
        for option in command.options {
            let letter = option.letter.map { " -s \($0)" } ?? ""
            lines.append(
                prefix + condition(paths) + letter + " -l \(option.name)" + action(option.value)
                    + " -d \(quoted(option.help))")
        }
        return lines
    }

    private static func action(_ value: Value?) -> String {
        switch value {
        case .file: " -r -F"
        case .directory: " -x -a '(__fish_complete_directories)'"
        case .words(_, let words): " -x -a '\(words.joined(separator: " "))'"
        case .image: " -x -a '(__vmm_images)'"
        case .text: " -x"
        case nil: ""
        }
    }

    private static func quoted(_ text: String) -> String {
        "'"
            + text.reduce(into: "") { result, character in
                if "'\\".contains(character) { result += "\\" }
                result.append(character)
            } + "'"
    }
}
