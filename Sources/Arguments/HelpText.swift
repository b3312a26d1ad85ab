/// The help of a command, for a terminal of 80 columns.
enum HelpText {
    private static let width = 80
    /// The column at which the texts of options and commands begin.
    private static let indent = 26

    static func of(_ command: CommandDescription) -> String {
        var parts = [wrapped(command.page.abstract), "Usage: \(command.synopsis)"]
        parts += paragraphs(command.page.discussion)
        let commands = command.shownCommands
        if !commands.isEmpty {
            parts.append(
                "Commands:\n"
                    + commands.map {
                        entry(([$0.name] + $0.aliases).joined(separator: ", "), $0.page.abstract)
                    }
                    .joined(separator: "\n"))
        }
        parts += optionGroups(command.options).map { title, options in
            title + ":\n"
                + options.map { entry(Self.names($0), $0.help) }.joined(separator: "\n")
        }
        if !command.page.statuses.isEmpty {
            parts.append(
                "Exit status:\n"
                    + command.page.statuses.map { entry($0.status, $0.meaning, indent: 10) }
                    .joined(separator: "\n"))
        }
        if !commands.isEmpty { parts.append("\(command.path) COMMAND --help describes a command.") }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// The groups of the options, with their titles.
    static func optionGroups(_ options: [OptionDescription]) -> [(String, [OptionDescription])] {
        var titles: [String] = []
        for option in options where !titles.contains(option.group) { titles.append(option.group) }
        return titles.map { title in
            let shown = title.isEmpty ? titles.count > 1 ? "Other options" : "Options" : title
            return (shown, options.filter { $0.group == title })
        }
    }

    /// "-e, --env VARIABLE"; an option without a letter leaves its place free.
    private static func names(_ option: OptionDescription) -> String {
        let letter = option.letter.map { "-\($0), " } ?? "    "
        return letter + "--" + option.name + (option.value.map { " " + $0.name } ?? "")
    }

    /// The paragraphs of a discussion, wrapped unless they are indented.
    private static func paragraphs(_ text: String) -> [String] {
        text.isEmpty ? [] : Paragraph.all(text).map { $0.isVerbatim ? $0.text : wrapped($0.text) }
    }

    /// A name and its explanation, which begins on a line of its own if the name is long.
    private static func entry(_ name: String, _ text: String, indent: Int = indent) -> String {
        let head = "  " + name
        let lines = text.wrapped(to: width - indent)
        let margin = String(repeating: " ", count: indent)
        guard head.count < indent else { return ([head] + lines.map { margin + $0 }).joined(separator: "\n") }
        let first = head + String(repeating: " ", count: indent - head.count) + (lines.first ?? "")
        return ([first] + lines.dropFirst().map { margin + $0 }).joined(separator: "\n")
    }

    private static func wrapped(_ text: String) -> String {
        text.wrapped(to: width).joined(separator: "\n")
    }
}

extension String {
    /// The words of the text, in lines of at most `width` characters.
    func wrapped(to width: Int) -> [String] {
        var lines: [String] = []
        for word in split(whereSeparator: \.isWhitespace) {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}

/// A paragraph of a discussion.
struct Paragraph {
    let text: String
    /// Whether its lines are shown as they are.
    let isVerbatim: Bool

    static func all(_ text: String) -> [Paragraph] {
        text.split(separator: "\n", omittingEmptySubsequences: false).split(whereSeparator: \.isEmpty).map {
            Paragraph(
                text: $0.joined(separator: "\n"), isVerbatim: $0.allSatisfy { $0.hasPrefix(" ") })
        }
    }
}
