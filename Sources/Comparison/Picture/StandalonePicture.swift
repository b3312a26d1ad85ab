/// A picture for a document: the time of a run in each path, by phases. It is light or dark like its viewer.
struct StandalonePicture {
    private static let width = 860
    private static let margin = 24

    let report: ComparisonReport

    var svg: String {
        let picture = PhasePicture(
            rows: report.paths.filter { !$0.samples(together: 1).isEmpty }.map { ($0.name, $0.phases()) })
        let inner = picture.rows.count * Int(PhasePicture.rowHeight) + Int(PhasePicture.axisHeight)
        let height = 76 + inner + 62
        let command = Markup.escaped((["\(report.image):"] + report.command).joined(separator: " "))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width) \(height)" width="\(Self.width)" \
            height="\(height)" font-family="system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif">
            <title>\(command), from start to end</title>
            <style>
            \(Stylesheet.colours)
            \(Stylesheet.pictures)
            svg .head{font-size:18px;font-weight:600}
            svg .soft{fill:var(--soft)}
            </style>
            <rect x=".5" y=".5" width="\(Self.width - 1)" height="\(height - 1)" rx="12" fill="var(--card)" \
            stroke="var(--line)"/>
            <text x="\(Self.margin)" y="36" class="head">\(command)</text>
            <text x="\(Self.margin)" y="57" class="soft">from start to end, the mean of the middle half of the runs; \
            \(report.host.place.rawValue), by the \(report.host.clock.rawValue)</text>
            <svg x="\(Self.margin)" y="76" width="\(Self.width - 2 * Self.margin)" height="\(inner)">
            \(picture.svg)
            </svg>
            \(legend(picture, top: 76 + inner + 16))
            <text x="\(Self.margin)" y="\(height - 16)" class="tick">\(Markup.escaped(foot))</text>
            </svg>

            """
    }

    private func legend(_ picture: PhasePicture, top: Int) -> String {
        let step = (Self.width - 2 * Self.margin) / max(picture.phaseNames.count, 1)
        return picture.phaseNames.enumerated().map { index, name in
            let x = Self.margin + index * min(step, 110)
            return """
                <rect x="\(x)" y="\(top - 10)" width="11" height="11" rx="3" class="\(picture.style(name))"/>\
                <text x="\(x + 17)" y="\(top)" class="soft">\(Markup.escaped(name))</text>
                """
        }.joined(separator: "\n")
    }

    private var foot: String {
        "\(report.host.date), \(report.host.system), Linux \(report.host.kernel), \(report.host.cpu); vmm compare"
    }
}

extension ComparisonReport {
    /// The start-up of all paths as one SVG 1.1 picture.
    public var svg: String { StandalonePicture(report: self).svg }
}
