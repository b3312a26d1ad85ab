extension ReportPage {
    var isolation: String? {
        let rows = report.isolationRows
        if rows.isEmpty { return nil }
        let items = rows.map { row in
            let groups = row.groups.map { group in
                let who = group.paths.map(Self.key).joined()
                return "<dd><span class=\"who\">\(who)</span><span class=\"what\">\(Markup.escaped(group.value))</span></dd>"
            }
            return "<dt>\(Markup.escaped(row.name))</dt>\(groups.joined())"
        }
        return Self.section(
            "What the command sees and may do",
            "Found out by a program inside each path, and from outside while it ran. Nothing here is taken from manuals.",
            "<dl class=\"sights\">\(items.joined(separator: "\n"))</dl>")
    }

    var absent: String? {
        if report.absences.isEmpty { return nil }
        let items = report.absences.map { absence in
            let kind = absence.kind == .absent ? "" : "\(absence.kind.rawValue): "
            let cure = absence.cure.map { "<small>\(Markup.escaped($0))</small>" } ?? ""
            return "<li><b>\(Markup.escaped(absence.path))</b> – \(Markup.escaped(kind + absence.why))\(cure)</li>"
        }
        return Self.section(
            "Not compared", "Paths that are not there, or that do not work on this host.",
            "<ul class=\"plain\">\(items.joined(separator: "\n"))</ul>")
    }

    var notes: String? {
        let scopes = report.paths.map { path in
            let version = path.version.isEmpty ? "" : " " + path.version
            return "<li><b>\(Markup.escaped(path.name + version))</b>: \(Markup.escaped(path.description))"
                + "<small>CPU time: \(Markup.escaped(path.cpuScope))</small></li>"
        }
        let notes = report.notes.map { "<li class=\"warn\">\(Markup.escaped($0))</li>" }
        return Self.section(
            "How each was run",
            "\(report.options.runs) runs of each in turn, in an order of its own each round, after "
                + "\(report.options.warmup) that do not count.",
            "<ul class=\"plain\">\((scopes + notes).joined(separator: "\n"))</ul>")
    }

    var repetition: String? {
        let words = report.repetition.map { $0.contains(where: { " '\"$*".contains($0) }) ? "'\($0)'" : $0 }
        return Self.section(
            "Do it again", "On a machine of yours:",
            "<pre><code>\(Markup.escaped(words.joined(separator: " ")))</code></pre>")
    }

    var explanation: String? {
        let items = Explanation.topics.map { topic in
            let paragraphs = topic.paragraphs.map { "<p>\(Markup.escaped($0))</p>" }.joined()
            return "<details><summary>\(Markup.escaped(topic.title))</summary>\(paragraphs)</details>"
        }
        return Self.section("What all this means", "For somebody who sees it for the first time.", items.joined(separator: "\n"))
    }
}
