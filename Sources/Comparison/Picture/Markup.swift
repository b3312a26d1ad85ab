import Host

/// Elements of HTML and SVG.
enum Markup {
    static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing(
                "\"", with: "&quot;")
    }

    static func percent(_ value: Double) -> String { Decimal.text(value, digits: 2) + "%" }

    /// Makes a picture as wide as its container: x is in per cent and y in pixels, so that text has the same
    /// size on every screen.
    static func svg(height: Int, label: String, _ body: [String]) -> String {
        """
        <svg width="100%" height="\(height)" role="img" aria-label="\(escaped(label))">
        \(body.joined(separator: "\n"))
        </svg>
        """
    }

    static func text(_ text: String, x: Double, y: Double, anchor: String = "start", style: String = "")
        -> String
    {
        "<text x=\"\(percent(x))\" y=\"\(Decimal.text(y, digits: 1))\" text-anchor=\"\(anchor)\" class=\"\(style)\">"
            + escaped(text) + "</text>"
    }

    static func line(_ from: (x: Double, y: Double), _ to: (x: Double, y: Double), _ style: String) -> String
    {
        "<line x1=\"\(percent(from.x))\" x2=\"\(percent(to.x))\" y1=\"\(Decimal.text(from.y, digits: 1))\" "
            + "y2=\"\(Decimal.text(to.y, digits: 1))\" class=\"\(style)\"/>"
    }

    static func bar(x: Double, width: Double, y: Double, height: Double, _ style: String, title: String = "")
        -> String
    {
        let inner = title.isEmpty ? "/>" : "><title>\(escaped(title))</title></rect>"
        return
            "<rect x=\"\(percent(x))\" width=\"\(percent(max(width, 0)))\" y=\"\(Decimal.text(y, digits: 1))\" "
            + "height=\"\(Decimal.text(height, digits: 1))\" class=\"\(style)\"\(inner)"
    }

    /// Makes grid lines at round values, with labels below.
    static func axis(_ scale: Scale, height: Double, _ name: (Double) -> String) -> [String] {
        scale.ticks.flatMap { tick in
            let x = scale.place(tick)
            let anchor = x < 4 ? "start" : x > 94 ? "end" : "middle"
            return [
                line((x, 0), (x, height), "grid"),
                text(Decimal.trimmed(name(tick)), x: x, y: height + 16, anchor: anchor, style: "tick"),
            ]
        }
    }
}
