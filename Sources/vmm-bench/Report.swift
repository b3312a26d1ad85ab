import Host
import Measure

/// The table of all figures, and whether each promise is met.
struct Report {
    private struct Section {
        let figures: String
        let place: Place
        let samples: JSONField
        let rows: [Row]
    }

    private let limits: JSONField
    private var sections: [Section] = []

    /// Reads the figures of all parts in `directory`, those of earlier runs too.
    init(_ directory: String, thresholds: String = "Benchmarks/thresholds.json") throws(Failure) {
        limits = try Self.read(thresholds)
        for part in Parts.all {
            for figures in part.figures {
                for place in Place.allCases {
                    let file = "\(directory)/\(figures).\(place.rawValue).json"
                    guard FileStatus(of: file) != nil else { continue }
                    let samples = try Self.read(file)
                    let rows = try part.rows(samples, limits, place)
                    sections.append(Section(figures: figures, place: place, samples: samples, rows: rows))
                }
            }
        }
    }

    private static func read(_ file: String) throws(Failure) -> JSONField {
        let document = JSONDocument(complaint: "cannot use \(file)", subject: "it")
        return try document.root(try WholeFile.read(file, upTo: 64 << 20))
    }

    /// Prints the table, and writes every row and every sample to `file`.
    func write(to file: String) throws(Failure) {
        try WholeFile.write(json.text() + "\n", to: file)
        try StandardOutput.write("\(text)\nEvery sample: \(file)\n")
    }

    /// The tables, and the number of promises that are kept.
    var text: String {
        let tables = sections.map(Self.table).joined()
        let judged = sections.flatMap(\.rows).filter { $0.promise != nil }
        let met = judged.count { $0.isMet == true }
        return "\(tables)\n\(met) of \(judged.count) figures keep their promise. "
            + "Times in the lab count instructions, 2 ns each."
    }

    private static func table(_ section: Section) -> String {
        let lines = [Row.heading] + section.rows.map(\.cells)
        let widths = Row.heading.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        let text = lines.map { cells in
            let padded = zip(cells, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            let line = "  " + padded.joined(separator: "  ")
            return line[...(line.lastIndex { $0 != " " } ?? line.startIndex)] + "\n"
        }
        return "\n\(section.figures), \(section.place.title)\n" + text.joined()
    }

    var json: JSON {
        func name(_ section: Section) -> String { "\(section.figures) \(section.place.rawValue)" }
        return .object([
            ("date", .string(UTC.now())), ("kernel", .string(Kernel.release())),
            ("thresholds", JSON(limits.value ?? .null)),
            ("rows", .object(sections.map { (name($0), .array($0.rows.map(\.json))) })),
            ("samples", .object(sections.map { (name($0), JSON($0.samples.value ?? .null)) })),
        ])
    }
}
