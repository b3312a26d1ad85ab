import Glibc
import Host

/// The list of images, for people and for programs.
public enum ImageTable {
    /// The width of the name column: the other columns leave 33 of 100.
    private static let nameColumnCount = 33

    /// Formats one line per image, of at most 100 columns.
    public static func text(_ images: [ImageListing]) -> String {
        let width = min(nameColumnCount, max(4, images.map(\.name.count).max() ?? 0))
        var lines = [line(["NAME", "ID", "SIZE", "TEMPLATES", "LAYERS", "CREATED", "IMPORTED"], width)]
        for image in images {
            lines.append(
                line(
                    [
                        shortened(image.name.isEmpty ? "-" : image.name.printable),
                        String(image.identifier.prefix(12)),
                        ByteCount.text(image.byteCount),
                        image.templateByteCount == 0 ? "-" : ByteCount.text(image.templateByteCount),
                        "\(image.layerCount)",
                        image.created.isEmpty ? "-" : String(image.created.prefix(10)).printable,
                        String(date(image.imported).prefix(10)),
                    ], width))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func line(_ cells: [String], _ nameWidth: Int) -> String {
        let widths = [nameWidth, 12, 8, 9, 6, 10, 10]
        let isNumber = [false, false, true, true, true, false, false]
        return zip(cells, zip(widths, isNumber)).map { cell, form in
            let padding = String(repeating: " ", count: max(0, form.0 - cell.count))
            return form.1 ? padding + cell : cell + padding
        }.joined(separator: "  ").trimmedAtEnd
    }

    /// Shortens a name or a path at its start, which says less than its end.
    private static func shortened(_ name: String) -> String {
        name.count <= nameColumnCount ? name : "…" + name.suffix(nameColumnCount - 1)
    }

    /// Formats the images as a JSON array of objects, with a newline.
    public static func json(_ images: [ImageListing]) -> String {
        let rows = images.map { image in
            JSON.object([
                ("name", image.name.isEmpty ? .null : .string(image.name)),
                ("id", .string(image.identifier)), ("size", .integer(Int(clamping: image.byteCount))),
                ("templates", .integer(Int(clamping: image.templateByteCount))),
                ("layers", .integer(image.layerCount)),
                ("created", image.created.isEmpty ? .null : .string(image.created)),
                ("imported", .string(date(image.imported))),
            ])
        }
        return JSON.array(rows).text() + "\n"
    }

    /// Lists the identifiers, each once, one per line.
    public static func identifiers(_ images: [ImageListing]) -> String {
        var seen: Set<String> = []
        return images.map(\.identifier).filter { seen.insert($0).inserted }.map { $0.prefix(12) + "\n" }
            .joined()
    }

    /// Formats a time in seconds since 1970 as RFC 3339, in UTC.
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
