/// The completions for bash. The script needs nothing but bash itself.
enum BashCompletion {
    static func script(_ program: CommandDescription) -> String {
        """
        # Completions of \(program.name) for bash, written by `\(program.name) help --completion bash`.

        \(helpers(program.name))

        _\(program.name)() {
            local current=${COMP_WORDS[COMP_CWORD]} path=\(program.name) option= operands=0 index word
            COMPREPLY=()
        \(search(program))
            [ "$current" = = ] && current=
            if [ -n "$option" ]; then
                case "$path $option" in
        \(valueCases(program))
                esac
                return
            fi
            case "$path" in
        \(program.all.map { completion($0, program.name) }.joined(separator: "\n"))
            esac
        }

        complete -F _\(program.name) \(program.name)

        """
    }

    /// The functions that fill COMPREPLY.
    private static func helpers(_ name: String) -> String {
        """
        _\(name)_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }

        _\(name)_files() {
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
        }

        # Names of the store, and files.
        _\(name)_images() {
            local name identifier rest
            _\(name)_files -f
            while read -r name identifier rest; do
                case $name in
                NAME) continue ;;
                - | …*) name=$identifier ;;
                esac
                [[ $name = "$current"* ]] && COMPREPLY+=("$name")
            done < <("${COMP_WORDS[0]}" image list 2>/dev/null)
        }
        """
    }

    /// Finds the command, the option whose value is completed, and the number of operands.
    private static func search(_ program: CommandDescription) -> String {
        """
            for ((index = 1; index < COMP_CWORD; index++)); do
                word=${COMP_WORDS[index]}
                # bash splits --name=value into three words.
                if [ -n "$option" ]; then
                    [ "$word" = = ] || option=
                    continue
                fi
                case "$path $word" in
        \(commandCases(program))
        \(optionCases(program))
                *' =') option='=' ;;
                *' -'*) ;;
                *) operands=$((operands + 1)) ;;
                esac
            done
        """
    }

    /// The words that lead from a command to one below it.
    private static func commandCases(_ program: CommandDescription) -> String {
        let commands = program.all.filter { $0.path != program.path }
        return commands.map { command in
            let above = command.path.dropLast(command.name.count)
            let patterns = ([command.name] + command.aliases).map { "'\(above)\($0)'" }
            return "        \(patterns.joined(separator: " | "))) path='\(command.path)' ;;"
        }.joined(separator: "\n")
    }

    /// The options that take the next word as their value.
    private static func optionCases(_ program: CommandDescription) -> String {
        lines(program) {
            $0.value != nil
        } action: { _ in
            "option=$word"
        }
    }

    private static func valueCases(_ program: CommandDescription) -> String {
        lines(program) {
            action($0.value, program.name) != nil
        } action: { option in
            action(option.value, program.name) ?? ":"
        }
    }

    /// A case for each option of each command that `isWanted` accepts.
    private static func lines(
        _ program: CommandDescription, where isWanted: (OptionDescription) -> Bool,
        action: (OptionDescription) -> String
    ) -> String {
        program.all.flatMap { command in
            command.options.filter(isWanted).map { option in
                let patterns = option.spellings.map { "'\(command.path) \($0)'" }
                return "        \(patterns.joined(separator: " | "))) \(action(option)) ;;"
            }
        }.joined(separator: "\n")
    }

    /// The call that completes a value; nil if nothing can.
    private static func action(_ value: Value?, _ name: String) -> String? {
        switch value {
        case .file: "_\(name)_files -f"
        case .directory: "_\(name)_files -d"
        case .words(_, let words): "_\(name)_words '\(words.joined(separator: " "))'"
        case .image: "_\(name)_images"
        case .text, nil: nil
        }
    }

    /// The completion of a command's options and operands.
    private static func completion(_ command: CommandDescription, _ name: String) -> String {
        let options = command.options.flatMap(\.spellings).joined(separator: " ")
        let operand =
            command.shownCommands.isEmpty
            ? action(command.operands.value, name) ?? ":"
            : "_\(name)_words '\(command.shownCommands.map(\.name).joined(separator: " "))'"
        var lines = ["    '\(command.path)')"]
        if command.operands.endOptions {
            lines.append("        if ((operands > 0)); then _\(name)_files -f; return; fi")
        }
        lines += [
            "        case $current in",
            "        -*) _\(name)_words '\(options)' ;;",
            "        *) \(operand) ;;",
            "        esac",
            "        ;;",
        ]
        return lines.joined(separator: "\n")
    }
}
