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
