import Host

/// A quantity as a function of the number of instances, with a curve for each path.
struct CurvePicture {
    let label: String
    let curves: [(name: String, points: [(count: Int, value: Double)])]
    let unit: (Double) -> String

    var isBytes = false

    private static let height = 200.0
    /// The space above the plot in pixels, and left of it, for the labels, in per cent.
    private static let (top, left) = (12.0, 17.0)

    var svg: String {
        let values = curves.flatMap { $0.points.map { max($0.value, 0) } }
        let vertical = Scale(values + [0], mayBeLogarithmic: false, isBytes: isBytes)
        let horizontal = Scale(curves.flatMap { $0.points.map { Double($0.count) } }, mayBeLogarithmic: false)
        func place(_ count: Double) -> Double {
            Self.left + horizontal.place(count) * (100 - Self.left) / 100
        }
        func x(_ count: Int) -> Double { place(Double(count)) }
        func y(_ value: Double) -> Double {
            Self.top + (Self.height - Self.top) * (1 - vertical.place(max(value, 0)) / 100)
        }
        var body: [String] = []
        for tick in vertical.ticks {
            body.append(Markup.line((Self.left, y(tick)), (100, y(tick)), "grid"))
            let name = tick == 0 ? "0" : Decimal.trimmed(unit(tick))
            body.append(Markup.text(name, x: Self.left - 2, y: y(tick) + 4, anchor: "end", style: "tick"))
        }
        for tick in horizontal.ticks where tick == tick.rounded() {
            body.append(
                Markup.text(
                    Decimal.fixed(tick, digits: 0), x: place(tick), y: Self.height + 16, anchor: "middle",
                    style: "tick"))
        }
        for curve in curves {
            for (from, to) in zip(curve.points, curve.points.dropFirst()) {
                body.append(
                    Markup.line(
                        (x(from.count), y(from.value)), (x(to.count), y(to.value)), "curve p-\(curve.name)"))
            }
            for point in curve.points {
                body.append(
                    "<circle cx=\"\(Markup.percent(x(point.count)))\" cy=\"\(Decimal.text(y(point.value), digits: 1))\" "
                        + "r=\"3.5\" class=\"dot p-\(curve.name)\"><title>\(curve.name), \(point.count): "
                        + "\(Markup.escaped(unit(point.value)))</title></circle>")
            }
        }
        return Markup.svg(height: Int(Self.height) + 24, label: label, body)
    }
}
