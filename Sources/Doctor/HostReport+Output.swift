import Host

extension HostReport {
    /// Renders the report as a JSON object and a newline: whether vmm can boot Linux here, and every check.
    public func json() -> String {
        let rows = checks.map { check in
            JSON.object([
                ("name", .string(check.name)), ("verdict", .string(check.verdict.rawValue)),
                ("finding", .string(check.finding)), ("cure", .optional(check.cure)),
            ])
        }
        return JSON.object([("can_boot", .boolean(canBoot)), ("checks", .array(rows))]).text() + "\n"
    }

    /// Renders each check as a line of text, with its remedy below it.
    public func text(inColour: Bool) -> String {
        let width = checks.map(\.name.count).max() ?? 0
        let lines = checks.map { check in
            let name = check.name + String(repeating: " ", count: width - check.name.count)
            let line = "\(check.verdict.mark(inColour: inColour)) \(name)  \(check.finding)"
            guard let cure = check.cure else { return line }
            return line + "\n" + wrapped(cure, indent: width + 6)
        }
        let end = canBoot ? "This host can boot Linux with vmm." : "This host cannot boot Linux with vmm."
        return lines.joined(separator: "\n") + "\n\n" + end + "\n"
    }

    /// Breaks `text` into lines of at most 100 columns.
    private func wrapped(_ text: String, indent: Int) -> String {
        var lines = [""]
        for word in text.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if indent + last.count + 1 + word.count <= 100 {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }
}

extension HostReport.Verdict {
    fileprivate func mark(inColour: Bool) -> String {
        let (word, colour) =
            switch self {
            case .good: ("ok  ", "32")
            case .warning: ("note", "33")
            case .missing: ("FAIL", "31")
            }
        return inColour ? "\u{1B}[\(colour)m\(word)\u{1B}[0m" : word
    }
}
