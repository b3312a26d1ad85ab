/// A table of text: the first column is aligned to the left, the others to the right.
struct TextTable {
    private var rows: [[String]] = []

    init(_ header: [String]) {
        rows.append(header)
    }

    mutating func add(_ row: [String]) { rows.append(row) }

    /// Formats the table as lines, the header first.
    func lines(gap: Int = 2) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in
            rows.map { $0.count > column ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let cells = row.enumerated().map { column, text in
                let padding = String(repeating: " ", count: widths[column] - text.count)
                return column == 0 ? text + padding : padding + text
            }
            return cells.joined(separator: String(repeating: " ", count: gap))
        }
    }
}

/// Breaks text into lines of a given width.
enum Wrapping {
    static func lines(_ text: String, indent: Int, width: Int = 100) -> [String] {
        var lines: [String] = []
        let margin = String(repeating: " ", count: indent)
        var line = margin
        for word in text.split(separator: " ").flatMap({ pieces(String($0), width - indent) }) {
            if line.count > indent, line.count + 1 + word.count > width {
                lines.append(line)
                line = margin
            }
            line += (line.count > indent ? " " : "") + word
        }
        return lines + [line]
    }

    private static func pieces(_ word: String, _ width: Int) -> [String] {
        var pieces: [String] = []
        var rest = Substring(word)
        while rest.count > width {
            pieces.append(String(rest.prefix(width)))
            rest = rest.dropFirst(width)
        }
        return pieces + [String(rest)]
    }
}
