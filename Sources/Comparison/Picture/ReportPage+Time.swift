import Host
import Measure

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
}
