/// The man page of a command, in the macros of man(7).
enum ManPage {
    static func of(_ command: CommandDescription, in program: CommandDescription, version: String) -> String {
        let name = command.pageName
        var lines = [
            ".TH \(escaped(name.uppercased())) 1 \"\" \"\(program.name) \(version)\"",
            ".SH NAME",
            "\(escaped(name)) \\- \(line(lowercasedFirst(command.page.abstract)))",
            ".SH SYNOPSIS",
            ".B \(escaped(command.path))",
            text(String(command.synopsis.dropFirst(command.path.count + 1))),
            ".SH DESCRIPTION",
        ]
        lines += discussion(command)
        if !command.shownCommands.isEmpty { lines += [".SH COMMANDS"] + commands(command) }
        lines.append(".SH OPTIONS")
        let groups = HelpText.optionGroups(command.options)
        for (title, options) in groups {
            if groups.count > 1 { lines.append(".SS \(escaped(title))") }
            lines += options.flatMap(option)
        }
        if !command.page.statuses.isEmpty {
            lines.append(".SH EXIT STATUS")
            lines += command.page.statuses.flatMap { [".TP", ".B \(escaped($0.status))", text($0.meaning)] }
        }
        return (lines + seeAlso(command, program)).joined(separator: "\n") + "\n"
    }

    private static func discussion(_ command: CommandDescription) -> [String] {
        let paragraphs = Paragraph.all(command.page.discussion)
        if paragraphs.isEmpty { return [text(command.page.abstract)] }
        return paragraphs.enumerated().flatMap { index, paragraph in
            let body =
                paragraph.isVerbatim
                ? [".nf"] + paragraph.text.split(separator: "\n").map { line(String($0)) } + [".fi"]
                : [text(paragraph.text)]
            return index == 0 ? body : [".PP"] + body
        }
    }

    private static func commands(_ command: CommandDescription) -> [String] {
        command.shownCommands.flatMap { below in
            [
                ".TP", ".BR \(escaped(below.pageName)) (1)",
                text(
                    below.page.abstract
                        + (below.aliases.isEmpty
                            ? "" : " Also called \(below.aliases.joined(separator: ", ")).")),
            ]
        }
    }

    private static func option(_ option: OptionDescription) -> [String] {
        let names = option.spellings.map { "\\fB\(escaped($0))\\fR" }.joined(separator: ", ")
        return [
            ".TP", names + (option.value.map { " \\fI\(escaped($0.name))\\fR" } ?? ""), text(option.help),
        ]
    }

    /// The pages of the program and of all its commands but this one.
    private static func seeAlso(
        _ command: CommandDescription, _ program: CommandDescription
    ) -> [String] {
        let others = program.all.map(\.pageName).filter { $0 != command.pageName }
        if others.isEmpty { return [] }
        return [".SH SEE ALSO"]
            + others.enumerated().map { index, name in
                ".BR \(escaped(name)) (1)" + (index < others.count - 1 ? "," : "")
            }
    }

    /// Prose, in lines of the width that a page's source should have.
    private static func text(_ prose: String) -> String {
        prose.wrapped(to: 72).map(line).joined(separator: "\n")
    }

    /// A line of text. A control character at its beginning would make it a request to roff.
    private static func line(_ text: String) -> String {
        let line = escaped(text)
        return line.hasPrefix(".") || line.hasPrefix("'") ? "\\&" + line : line
    }

    /// Escapes what roff would interpret. A hyphen stays one that can be copied and searched.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "'": result += "\\(aq"
            case "`": result += "\\(ga"
            case "~": result += "\\(ti"
            case "^": result += "\\(ha"
            default: result.append(character)
            }
        }
    }

    private static func lowercasedFirst(_ text: String) -> String {
        (text.prefix(1).lowercased() + text.dropFirst()).trimmingStop
    }
}

extension String {
    fileprivate var trimmingStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
