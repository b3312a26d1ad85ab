import Glibc
import Host

/// The list of images, for people and for programs.
public enum ImageTable {
    /// What is left of 100 columns by the others.
    private static let nameColumnCount = 44

    /// A line each, of at most 100 columns.
    public static func text(_ images: [ImageListing]) -> String {
        let width = min(nameColumnCount, max(4, images.map(\.name.count).max() ?? 0))
        var lines = [line(["NAME", "ID", "SIZE", "LAYERS", "CREATED", "IMPORTED"], width)]
        for image in images {
            lines.append(
                line(
                    [
                        shortened(image.name.isEmpty ? "-" : image.name.printable),
                        String(image.identifier.prefix(12)),
                        ByteCount.text(image.byteCount), "\(image.layerCount)",
                        image.created.isEmpty ? "-" : String(image.created.prefix(10)).printable,
                        String(date(image.imported).prefix(10)),
                    ], width))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ cells: [String], _ nameWidth: Int) -> String {
        let widths = [nameWidth, 12, 8, 6, 10, 10]
        let isNumber = [false, false, true, true, false, false]
        return zip(cells, zip(widths, isNumber)).map { cell, form in
            let padding = String(repeating: " ", count: max(0, form.0 - cell.count))
            return form.1 ? padding + cell : cell + padding
        }.joined(separator: "  ").trimmedAtEnd
    }

    /// The end of a name tells more than its start, and of a path too.
    private static func shortened(_ name: String) -> String {
        name.count <= nameColumnCount ? name : "…" + name.suffix(nameColumnCount - 1)
    }

    /// An array of objects.
    public static func json(_ images: [ImageListing]) -> String {
        let rows = images.map { image in
            """
              {"name": \(image.name.isEmpty ? "null" : quoted(image.name)), "id": "\(image.identifier)", \
            "size": \(image.byteCount), "layers": \(image.layerCount), \
            "created": \(image.created.isEmpty ? "null" : quoted(image.created)), \
            "imported": "\(date(image.imported))"}
            """
        }
        return rows.isEmpty ? "[]\n" : "[\n\(rows.joined(separator: ",\n"))\n]\n"
    }

    /// RFC 8259, 7.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            // RFC 8259 asks for the first of these; terminals obey the others, too.
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    /// Seconds since 1970 in UTC, as RFC 3339 has it.
    static func date(_ seconds: UInt64) -> String {
        var (time, parts) = (time_t(clamping: seconds), unsafe tm())
        guard unsafe gmtime_r(&time, &parts) != nil else { return "-" }
        let day = unsafe "\(1900 + Int(parts.tm_year))-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return unsafe day + "T\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))Z"
    }

    private static func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension String {
    fileprivate var trimmedAtEnd: String {
        var text = Substring(self)
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
