/// A quantity against the number of instances, a line a path.
struct CurvePicture {
    let label: String
    let curves: [(name: String, points: [(count: Int, value: Double)])]
    let unit: (Double) -> String

    private static let height = 200.0

    var svg: String {
        let values = curves.flatMap { $0.points.map { max($0.value, 0) } }
        let vertical = Scale(values + [0], mayBeLogarithmic: false)
        let horizontal = Scale(curves.flatMap { $0.points.map { Double($0.count) } }, mayBeLogarithmic: false)
        func x(_ count: Int) -> Double { horizontal.place(Double(count)) }
        func y(_ value: Double) -> Double { Self.height * (1 - vertical.place(max(value, 0)) / 100) }
        var body: [String] = []
        for tick in vertical.ticks {
            body.append(Markup.line((0, y(tick)), (100, y(tick)), "grid"))
            body.append(Markup.text(unit(tick), x: 0, y: y(tick) - 4, style: "tick"))
        }
        for tick in horizontal.ticks where tick == tick.rounded() {
            let place = horizontal.place(tick)
            let anchor = place < 4 ? "start" : place > 94 ? "end" : "middle"
            body.append(
                Markup.text(Decimal.short(tick), x: place, y: Self.height + 16, anchor: anchor, style: "tick"))
        }
        for curve in curves {
            for (from, to) in zip(curve.points, curve.points.dropFirst()) {
                body.append(
                    Markup.line((x(from.count), y(from.value)), (x(to.count), y(to.value)), "curve p-\(curve.name)"))
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
