import Host

extension ReportPage {
    var growth: String? {
        let crowds = report.paths.compactMap { path in path.crowd.map { (path.name, $0.points) } }
        guard crowds.contains(where: { $0.1.count > 1 }) else { return nil }
        let memory = CurvePicture(
            label: "memory against the number of instances",
            curves: crowds.map { ($0.0, $0.1.map { ($0.count, Double($0.memoryByteCount)) }) },
            unit: Decimal.bytes,
            isBytes: true)
        let time = CurvePicture(
            label: "time to start one more against the number of instances",
            curves: crowds.map { ($0.0, $0.1.map { ($0.count, $0.start) }) }, unit: Decimal.duration)
        let keys = crowds.map { "<li>\(Self.key($0.0))</li>" }.joined()
        return Self.section(
            "Many at a time", "Idle instances that stay, started one after another.",
            """
            <div class="pair"><div><h3>Memory, by the host's MemAvailable</h3>\(memory.svg)</div>
            <div><h3>Time to start one more</h3>\(time.svg)</div></div>
            <ul class="legend">\(keys)</ul>
            """)
    }

    var footprint: String? {
        let measured = report.paths.filter { $0.crowd != nil }
        if measured.isEmpty { return nil }
        func bytes(_ count: Double?) -> String { count.map(Decimal.bytes) ?? "–" }
        let rows = measured.map { path in
            [
                path.name, "\(path.crowd?.points.last?.count ?? 0)", bytes(path.crowd?.memoryByteCount),
                bytes(path.crowd?.pssByteCount.map(Double.init)),
                path.crowd?.processCount.map(Decimal.short) ?? "–",
                path.crowd?.threadCount.map(Decimal.short) ?? "–",
                path.crowd?.capacity.map(String.init) ?? "–",
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
}
