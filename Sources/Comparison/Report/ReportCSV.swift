import Host

extension ComparisonReport {
    /// The runs as CSV (RFC 4180), one a line. A column for each phase of any path; times in seconds.
    public var csv: String {
        var phases: [String] = []
        for path in paths {
            for sample in path.samples {
                for phase in sample.phases where !phases.contains(phase.name) { phases.append(phase.name) }
            }
        }
        let columns =
            ["path", "version", "together", "round", "total", "first_byte", "cpu"]
            + phases.map { "phase_" + $0 }
        var lines = [columns]
        for path in paths {
            for sample in path.samples {
                let fixed = [
                    path.name, path.version, "\(sample.together)", "\(sample.round)",
                    Self.seconds(sample.total),
                    Self.seconds(sample.firstByte), Self.seconds(sample.cpu),
                ]
                lines.append(
                    fixed
                        + phases.map { name in Self.seconds(sample.phases.first { $0.name == name }?.seconds)
                        })
            }
        }
        return lines.map { $0.map(Self.field).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func seconds(_ value: Double?) -> String {
        value.map { Decimal.fixed($0, digits: 9) } ?? ""
    }

    private static func field(_ text: String) -> String {
        guard text.contains(where: { "\",\r\n".contains($0) }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }
}
