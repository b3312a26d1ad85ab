import Host
import Measure

/// The report as a self-contained page: no script, no font, no network.
struct ReportPage {
    let report: ComparisonReport

    var text: String {
        let title = "\(report.image): \(report.command.joined(separator: " "))"
        let sections = [
            start, phases, parallel, growth, footprint, work, isolation, absent, notes, repetition,
            explanation,
        ].compactMap(\.self)
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(Markup.escaped(title)) – vmm compare</title>
            <style>
            \(Stylesheet.text)
            </style>
            </head>
            <body>
            <main>
            \(heading)
            \(sections.joined(separator: "\n"))
            </main>
            </body>
            </html>

            """
    }

    private var heading: String {
        let host = report.host
        let on =
            "\(host.system), Linux \(host.kernel), \(host.cpuCount) × \(host.cpu), "
            + "\(Decimal.bytes(Double(host.memoryByteCount))), cgroups \(host.cgroups)"
        let partial =
            report.isPartial
            ? "<p class=\"warn\">It was interrupted: these are the figures until then.</p>" : ""
        return """
            <header>
            <p class="over">vmm compare · \(Markup.escaped(String(host.date.prefix(10))))</p>
            <h1>\(Markup.escaped(report.image)) <code>\(Markup.escaped(report.command.joined(separator: " ")))</code></h1>
            \(lede)
            <p>Measured \(Markup.escaped(host.method))</p>
            <p>\(Markup.escaped(on))</p>
            \(partial)
            </header>
            """
    }

    /// The verdicts, at the top of the page.
    private var lede: String {
        report.verdicts.map { verdict in
            let times = "<b>\(Decimal.short(verdict.ratio.ratio)) times</b>"
            let range = "\(Decimal.short(verdict.ratio.low))–\(Decimal.short(verdict.ratio.high))"
            let (path, other) = (Markup.escaped(verdict.path), Markup.escaped(verdict.reference))
            return switch verdict.ratio.verdict {
            case .quicker, .slower:
                "<p class=\"lede\"><b>\(path)</b> takes \(times) as long as <b>\(other)</b> <small>(\(range))</small></p>"
            case .indistinguishable:
                "<p class=\"lede\"><b>\(path)</b> and <b>\(other)</b> cannot be told apart <small>(\(range))</small></p>"
            case .tooFew:
                "<p class=\"lede\"><b>\(path)</b> takes \(times) as long as <b>\(other)</b>, in too few runs to rank</p>"
            }
        }.joined(separator: "\n")
    }

    static func section(_ title: String, _ words: String, _ body: String) -> String {
        """
        <section>
        <h2>\(Markup.escaped(title))</h2>
        <p>\(words)</p>
        \(body)
        </section>
        """
    }

    /// Makes a path's name in its colour.
    static func key(_ name: String) -> String {
        "<span class=\"key p-\(name)\">\(Markup.escaped(name))</span>"
    }

    static func table(_ header: [String], _ rows: [[String]]) -> String {
        let head = header.map { "<th>\(Markup.escaped($0))</th>" }.joined()
        let body = rows.map { row in
            let cells = row.enumerated().map { index, text in
                index == 0 ? "<td>\(key(text))</td>" : "<td>\(Markup.escaped(text))</td>"
            }
            return "<tr>\(cells.joined())</tr>"
        }
        return "<div class=\"scroll\"><table><tr>\(head)</tr>\n\(body.joined(separator: "\n"))</table></div>"
    }
}

extension ComparisonReport {
    /// The report as a page with pictures.
    public var html: String { ReportPage(report: self).text }
}

extension ReportPage {
    private static let header = [
        "path", "runs", "first byte", "p50", "p90", "p99", "min", "max", "CPU", "× process",
    ]

    private func rows(_ count: Int) -> [[String]] {
        let floor = report.paths.first { $0.name == "process" }?.total(together: count)?.median
        return report.paths.compactMap { path in
            guard let total = path.total(together: count) else { return nil }
            return [
                path.name, "\(total.samples.count)",
                path.firstByte(together: count).map { Decimal.duration($0.median) } ?? "–",
                Decimal.duration(total.median), Decimal.duration(total.quantile(0.9)),
                Decimal.duration(total.quantile(0.99)), Decimal.duration(total.minimum),
                Decimal.duration(total.maximum),
                path.cpu(together: count).map { Decimal.duration($0.median) } ?? "–",
                floor.map { Decimal.short(total.median / $0) } ?? "–",
            ]
        }
    }

    var start: String? {
        let measured = report.paths.compactMap { path in path.total().map { (path.name, $0) } }
        if measured.isEmpty { return nil }
        let picture = StartPicture(rows: measured)
        let noisy = report.noisyPaths.map {
            "<p class=\"warn\">\(Markup.escaped(ComparisonReport.noise($0.name, $0.spread)))</p>"
        }
        let scale =
            Scale(measured.flatMap { [$0.1.minimum, $0.1.maximum] }).isLogarithmic
            ? " The scale is logarithmic." : ""
        return Self.section(
            "Starting",
            "From the start of the launching process to its end. Every run is a stroke; the box holds half of them, the "
                + "bar is the median.\(scale)",
            picture.svg + "\n" + noisy.joined() + Self.table(Self.header, rows(1)))
    }

    var phases: String? {
        let rows = report.paths.filter { !$0.samples(together: 1).isEmpty }.map { ($0.name, $0.phases()) }
        if rows.isEmpty { return nil }
        let picture = PhasePicture(rows: rows)
        return Self.section(
            "Where the time goes",
            "The mean of the half of each path's runs that lies in the middle; its parts add up.",
            picture.svg + "\n" + picture.legend)
    }

    var parallel: String? {
        let counts = report.options.parallel.filter { count in
            count > 1 && report.paths.contains { $0.total(together: count) != nil }
        }
        if counts.isEmpty { return nil }
        let body = counts.map { "<h3>\($0) at once</h3>" + Self.table(Self.header, rows($0)) }
        return Self.section(
            "Several at once", "Each from its own start to its own end, while the others start too.",
            body.joined(separator: "\n"))
    }

    var growth: String? {
        let footprints = report.paths.compactMap { path in path.footprint.map { (path.name, $0.points) } }
        guard footprints.contains(where: { $0.1.count > 1 }) else { return nil }
        let memory = CurvePicture(
            label: "memory against the number of instances",
            curves: footprints.map { ($0.0, $0.1.map { ($0.count, Double($0.memoryByteCount)) }) },
            unit: Decimal.bytes,
            isBytes: true)
        let time = CurvePicture(
            label: "time to start one more against the number of instances",
            curves: footprints.map { ($0.0, $0.1.map { ($0.count, $0.start) }) }, unit: Decimal.duration)
        let keys = footprints.map { "<li>\(Self.key($0.0))</li>" }.joined()
        return Self.section(
            "Many at a time", "Idle instances that stay, started one after another.",
            """
            <div class="pair"><div><h3>Memory, by the host's MemAvailable</h3>\(memory.svg)</div>
            <div><h3>Time to start one more</h3>\(time.svg)</div></div>
            <ul class="legend">\(keys)</ul>
            """)
    }

    var footprint: String? {
        let measured = report.paths.filter { $0.footprint != nil }
        if measured.isEmpty { return nil }
        func bytes(_ count: Double?) -> String { count.map(Decimal.bytes) ?? "–" }
        let rows = measured.map { path in
            [
                path.name, "\(path.footprint?.points.last?.count ?? 0)",
                bytes(path.footprint?.memoryByteCount),
                bytes(path.footprint?.pssByteCount.map(Double.init)),
                path.footprint?.processCount.map(Decimal.short) ?? "–",
                path.footprint?.threadCount.map(Decimal.short) ?? "–",
                path.footprint?.capacity.map(String.init) ?? "–",
                bytes(path.imageByteCount.map(Double.init)), bytes(Double(path.executableByteCount)),
            ]
        }
        return Self.section(
            "Footprint",
            "Of an idle instance: what it takes from the host's memory, the proportional set size of all its processes, "
                + "and how many of both processes and threads the host has to keep.",
            Self.table(
                ["path", "idle", "memory", "PSS", "processes", "threads", "would fit", "image", "programs"],
                rows))
    }

    var work: String? {
        let measured = report.paths.filter { !$0.work.isEmpty }
        guard let first = measured.first else { return nil }
        let blocks = first.work.map { piece in
            let rates = measured.compactMap { path in
                path.work.first { $0.name == piece.name }.map { (path.name, $0.median) }
            }
            let most = max(rates.map(\.1).max() ?? 1, 1e-9)
            let rowHeight = 24.0
            let body = rates.enumerated().flatMap { index, rate -> [String] in
                let y = Double(index) * rowHeight
                let value =
                    index == 0 ? Decimal.rate(rate.1, piece.unit) : "\(Decimal.short(rate.1 / rates[0].1)) ×"
                return [
                    Markup.text(rate.0, x: 0, y: y + 14, style: ""),
                    Markup.bar(x: 28, width: rate.1 / most * 44, y: y + 3, height: 14, "rate p-\(rate.0)"),
                    Markup.text(value, x: 100, y: y + 14, anchor: "end", style: "value"),
                ]
            }
            let picture = Markup.svg(height: Int(Double(rates.count) * rowHeight), label: piece.name, body)
            return "<div><h3>\(Markup.escaped(piece.name))</h3>\(picture)</div>"
        }
        return Self.section(
            "Work inside",
            "Fixed pieces of work by the same program: the rate of \(Markup.escaped(first.name)), and the others relative "
                + "to it. More is better.",
            "<div class=\"pair\">\(blocks.joined(separator: "\n"))</div>")
    }

    var isolation: String? {
        let rows = report.isolationRows
        if rows.isEmpty { return nil }
        let items = rows.map { row in
            let groups = row.groups.map { group in
                let who = group.paths.map(Self.key).joined()
                return
                    "<dd><span class=\"who\">\(who)</span><span class=\"what\">\(Markup.escaped(group.value))</span></dd>"
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
            return
                "<li><b>\(Markup.escaped(absence.path))</b> – \(Markup.escaped(kind + absence.why))\(cure)</li>"
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
        return Self.section(
            "What all this means", "For somebody who sees it for the first time.",
            items.joined(separator: "\n"))
    }
}
