import Host
import Measure

extension ComparisonReport {
    /// Formats the report for a terminal, in at most 100 columns.
    public func text(inColour: Bool) -> String {
        let style = Style(isOn: inColour)
        var lines: [String] = []
        lines += heading(style)
        lines += absenceLines(style)
        lines += startupLines(style)
        for count in options.parallel where count > 1 { lines += parallelLines(count, style) }
        lines += phaseLines(style)
        lines += footprintLines(style)
        lines += densityLines(style)
        lines += workLines(style)
        lines += isolationLines(style)
        lines += noteLines(style)
        return lines.joined(separator: "\n") + "\n"
    }

    /// SGR sequences, or none if colour is off.
    fileprivate struct Style {
        let isOn: Bool
        func bold(_ text: String) -> String { wrap(text, "1") }
        func dim(_ text: String) -> String { wrap(text, "2") }
        func warn(_ text: String) -> String { wrap(text, "33") }
        private func wrap(_ text: String, _ code: String) -> String {
            isOn ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
        }
    }

    private func heading(_ style: Style) -> [String] {
        let what = "\(image): \(command.joined(separator: " "))".shortened(to: 100)
        let on =
            "\(host.system), Linux \(host.kernel), \(host.cpuCount) x \(host.cpu), "
            + "\(Decimal.bytes(Double(host.memoryByteCount))); \(host.date)"
        var lines = [style.bold(what)]
        lines += Wrapping.lines(on, indent: 0).map(style.dim)
        lines += Wrapping.lines("Measured \(host.method)", indent: 0).map(style.dim)
        if isPartial { lines.append(style.warn("Interrupted: this is what was done until then.")) }
        return lines
    }

    private func section(_ title: String, _ table: TextTable, _ style: Style) -> [String] {
        let lines = table.lines()
        return ["", style.bold(title), style.dim(lines[0])] + lines.dropFirst()
    }

    private func absenceLines(_ style: Style) -> [String] {
        if absences.isEmpty { return [] }
        var lines = ["", style.bold("Not compared")]
        for absence in absences {
            let words = absence.kind == .absent ? absence.why : "\(absence.kind.rawValue): \(absence.why)"
            let text = Wrapping.lines("\(absence.path): \(words)", indent: 2)
            lines += absence.kind == .absent ? text : text.map(style.warn)
            if let cure = absence.cure { lines += Wrapping.lines(cure, indent: 6).map(style.dim) }
        }
        return lines
    }

    private func startupLines(_ style: Style) -> [String] {
        let measured = paths.filter { $0.total() != nil }
        if measured.isEmpty { return [] }
        let lines = section("Start-up, one at a time: \(options.runs) runs", startupTable(measured, 1), style)
        var verdictLines = verdicts.flatMap { Wrapping.lines($0.text + ".", indent: 2) }
        for (name, spread) in noisyPaths {
            let text = Self.noise(name, spread)
            verdictLines += Wrapping.lines(text, indent: 2).map(style.warn)
        }
        return lines + verdictLines
    }

    private func startupTable(_ measured: [PathReport], _ count: Int) -> TextTable {
        var table = TextTable([
            "path", "runs", "1st byte", "p50", "p90", "p99", "min", "max", "CPU", "to process",
        ])
        let floor = paths.first { $0.name == "process" }?.total(together: count)?.median
        for path in measured {
            guard let total = path.total(together: count) else { continue }
            table.add([
                path.name, "\(total.samples.count)", Self.duration(path.firstByte(together: count)?.median),
                Decimal.duration(total.median), Decimal.duration(total.quantile(0.9)),
                Decimal.duration(total.quantile(0.99)), Decimal.duration(total.minimum),
                Decimal.duration(total.maximum), Self.duration(path.cpu(together: count)?.median),
                floor.map { Decimal.short(total.median / $0) + " x" } ?? "-",
            ])
        }
        return table
    }

    private static func duration(_ seconds: Double?) -> String { seconds.map(Decimal.duration) ?? "-" }
    /// Makes the warning about a noisy path. The ratio of two medians may still be certain; a difference of a
    /// few per cent is not.
    static func noise(_ name: String, _ spread: Double) -> String {
        "\(name) scatters: from its 10th to its 90th percentile it is \(Decimal.short(spread * 100)) % of its median. "
            + "Believe the ranges, and differences only where they do not hold 1."
    }

    private static func bytes(_ count: Double?) -> String { count.map(Decimal.bytes) ?? "-" }

    private func parallelLines(_ count: Int, _ style: Style) -> [String] {
        let measured = paths.filter { $0.total(together: count) != nil }
        return measured.isEmpty
            ? [] : section("Start-up, \(count) at once", startupTable(measured, count), style)
    }

    private func phaseLines(_ style: Style) -> [String] {
        let measured = paths.filter { !$0.samples(together: 1).isEmpty }
        if measured.isEmpty { return [] }
        var lines = ["", style.bold("Where the time goes (the mean of the half of the runs in the middle)")]
        let width = measured.map(\.name.count).max() ?? 0
        for path in measured {
            let parts = path.phases().map { "\($0.name) \(Decimal.duration($0.seconds))" }
            let name = path.name + String(repeating: " ", count: width - path.name.count)
            lines += Wrapping.lines("\(name)  \(parts.joined(separator: ", "))", indent: 0)
        }
        return lines
    }

    private func footprintLines(_ style: Style) -> [String] {
        let measured = paths.filter { $0.footprint != nil }
        if measured.isEmpty { return [] }
        var table = TextTable([
            "path", "idle", "memory each", "PSS each", "processes", "threads", "would fit", "image",
            "programs",
        ])
        for path in measured {
            guard let footprint = path.footprint else { continue }
            table.add([
                path.name, "\(footprint.points.last?.count ?? 0)", Self.bytes(footprint.memoryByteCount),
                Self.bytes(footprint.pssByteCount.map(Double.init)),
                footprint.processCount.map(Decimal.short) ?? "-",
                footprint.threadCount.map(Decimal.short) ?? "-", footprint.capacity.map(String.init) ?? "-",
                Self.bytes(path.imageByteCount.map(Double.init)),
                Self.bytes(Double(path.executableByteCount)),
            ])
        }
        return section("Footprint of idle instances", table, style)
    }

    private func densityLines(_ style: Style) -> [String] {
        let measured = paths.filter { ($0.footprint?.points.count ?? 0) > 1 }
        let counts = Set(measured.flatMap { $0.footprint?.points.map(\.count) ?? [] }).sorted().suffix(8)
        if measured.isEmpty { return [] }
        var table = TextTable(["memory / start"] + counts.map(String.init))
        for path in measured {
            let points = path.footprint?.points ?? []
            table.add(
                [path.name]
                    + counts.map { count in
                        Self.bytes(points.first { $0.count == count }.map { Double($0.memoryByteCount) })
                    })
            table.add([""] + counts.map { count in Self.duration(points.first { $0.count == count }?.start) })
        }
        return section("Growth with the number of instances", table, style)
    }

    private func workLines(_ style: Style) -> [String] {
        let measured = paths.filter { !$0.work.isEmpty }
        guard let first = measured.first else { return [] }
        var table = TextTable(["work"] + measured.map { $0.name == "firecracker" ? "firecr." : $0.name })
        for work in first.work {
            let rates = measured.map { path in path.work.first { $0.name == work.name }?.median }
            let base = rates[0] ?? 0
            let cells = rates.enumerated().map { index, rate -> String in
                guard let rate, base > 0 else { return "-" }
                return index == 0
                    ? Decimal.rate(rate, String(work.unit.prefix(1)) + "/s") : Decimal.short(rate / base)
            }
            table.add([work.name] + cells)
        }
        let title = "Work inside: rates; the others relative to \(first.name), more is better"
        return section(title, table, style)
    }

    private func isolationLines(_ style: Style) -> [String] {
        let measured = paths.filter { !$0.isolation.isEmpty }
        if measured.isEmpty { return [] }
        var lines = ["", style.bold("What the command sees and may do")]
        for row in isolationRows {
            lines.append("  " + row.name)
            for (names, value) in row.groups {
                lines += Wrapping.lines("\(names.joined(separator: ", ")): \(value)", indent: 6)
            }
        }
        return lines
    }

    private func noteLines(_ style: Style) -> [String] {
        var lines = notes.isEmpty ? [] : ["", style.bold("Notes")]
        for note in notes { lines += Wrapping.lines(note, indent: 2).map(style.warn) }
        let again = repetition.map { $0.contains(where: { " '\"$*".contains($0) }) ? "'\($0)'" : $0 }
        lines +=
            ["", style.dim("Again:")] + Wrapping.lines(again.joined(separator: " "), indent: 2).map(style.dim)
        lines += [style.dim("What the lines mean: vmm compare --explain")]
        return lines
    }
}

/// The values of one isolation property; paths with equal values are grouped.
struct IsolationRow {
    let name: String
    var groups: [(paths: [String], value: String)]
}

extension ComparisonReport {
    var isolationRows: [IsolationRow] {
        var rows: [IsolationRow] = []
        for path in paths {
            for sight in path.isolation {
                let row = rows.firstIndex { $0.name == sight.name } ?? rows.count
                if row == rows.count { rows.append(IsolationRow(name: sight.name, groups: [])) }
                if let group = rows[row].groups.firstIndex(where: { $0.value == sight.value }) {
                    rows[row].groups[group].paths.append(path.name)
                } else {
                    rows[row].groups.append(([path.name], sight.value))
                }
            }
        }
        return rows
    }
}
