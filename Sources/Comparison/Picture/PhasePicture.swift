import Host

/// The time of each path, as a bar of its phases.
struct PhasePicture {
    let rows: [(name: String, phases: [Sample.Phase])]

    /// The names of the phases in order of time; the path with the most phases comes first.
    var phaseNames: [String] {
        var names: [String] = []
        for row in rows.sorted(by: { $0.phases.count > $1.phases.count }) {
            for phase in row.phases where !names.contains(phase.name) { names.append(phase.name) }
        }
        return names
    }

    static let colourCount = 8
    static let rowHeight = 46.0
    static let axisHeight = 24.0
    func style(_ phase: String) -> String {
        "h-\((phaseNames.firstIndex(of: phase) ?? 0) % Self.colourCount)"
    }

    var svg: String {
        let totals = rows.map { $0.phases.reduce(0) { $0 + $1.seconds } }
        let scale = Scale(totals, mayBeLogarithmic: false)
        let height = Double(rows.count) * Self.rowHeight
        var body = Markup.axis(scale, height: height, Decimal.duration)
        for (index, row) in rows.enumerated() {
            let top = Double(index) * Self.rowHeight
            body.append(Markup.text(row.name, x: 0, y: top + 15, style: "name"))
            body.append(
                Markup.text(
                    Decimal.duration(totals[index]), x: 100, y: top + 15, anchor: "end", style: "value"))
            var before = 0.0
            for phase in row.phases {
                let (start, end) = (scale.place(before), scale.place(before + phase.seconds))
                let title = "\(phase.name): \(Decimal.duration(phase.seconds))"
                body.append(
                    Markup.bar(
                        x: start, width: end - start, y: top + 21, height: 17, style(phase.name), title: title
                    ))
                before += phase.seconds
            }
        }
        return Markup.svg(height: Int(height + Self.axisHeight), label: "phases of a run", body)
    }

    var legend: String {
        let items = phaseNames.map { "<li><i class=\"\(style($0))\"></i>\(Markup.escaped($0))</li>" }
        return "<ul class=\"legend\">\(items.joined())</ul>"
    }
}
