import Host
import Measure

/// The distribution of each path's start times: a stroke for every run, a box for the middle half, a bar for
/// the median.
struct StartPicture {
    let rows: [(name: String, total: Distribution)]

    var svg: String {
        let scale = Scale(rows.flatMap { [$0.total.minimum, $0.total.maximum] })
        let rowHeight = 54.0
        let height = Double(rows.count) * rowHeight
        var body = Markup.axis(scale, height: height, Decimal.duration)
        for (index, row) in rows.enumerated() {
            body += strip(row.name, row.total, scale, top: Double(index) * rowHeight)
        }
        return Markup.svg(height: Int(height) + 24, label: "distribution of the time of a whole run", body)
    }

    private func strip(_ name: String, _ total: Distribution, _ scale: Scale, top: Double) -> [String] {
        let (low, middle, high) = (
            scale.place(total.quantile(0.25)), scale.place(total.median), scale.place(total.quantile(0.75))
        )
        let bottom = top + 46
        var parts = [
            Markup.text(name, x: 0, y: top + 16, style: "name"),
            Markup.text(Decimal.duration(total.median), x: 100, y: top + 16, anchor: "end", style: "value"),
        ]
        parts += total.samples.map { sample in
            let x = scale.place(sample)
            return Markup.line((x, top + 26), (x, bottom), "run p-\(name)")
        }
        parts.append(
            Markup.bar(
                x: low, width: high - low, y: top + 30, height: 12, "box p-\(name)",
                title: "half of the runs: \(Decimal.duration(total.quantile(0.25))) to "
                    + Decimal.duration(total.quantile(0.75))))
        parts.append(Markup.line((middle, top + 23), (middle, bottom + 3), "median p-\(name)"))
        return parts
    }
}
