import Host

/// A row of the report: a figure, the figure beside it, and the promise.
struct Row {
    let what: String
    let own: String
    var other: String?
    var ratio: Double?
    var promise: String?
    var isMet: Bool?

    /// A figure without a peer; `promise` is nil if nothing is promised.
    static func fact(_ what: String, _ own: String, promise: String? = nil, isMet: Bool? = nil) -> Row {
        Row(what: what, own: own, promise: promise, isMet: isMet)
    }

    /// A figure of vmm beside that of a peer, whose ratio is promised to be at most `limit`.
    static func ratio(
        _ what: String, _ own: String, _ other: String, _ ratio: Double, atMost limit: Double? = nil
    ) -> Row {
        Row(
            what: what, own: own, other: other, ratio: ratio,
            promise: limit.map { "<= \(Decimal.text($0, digits: 3))" },
            isMet: limit.map { ratio <= $0 })
    }

    /// A figure of vmm beside that of a peer, whose ratio is promised to be at least `limit`.
    static func ratio(
        _ what: String, _ own: String, _ other: String, _ ratio: Double, atLeast limit: Double?
    ) -> Row {
        Row(
            what: what, own: own, other: other, ratio: ratio,
            promise: limit.map { ">= \(Decimal.text($0, digits: 3))" },
            isMet: limit.map { ratio >= $0 })
    }

    static let heading = ["what", "vmm", "beside", "ratio", "promise", ""]

    var cells: [String] {
        let verdict = promise == nil ? "" : isMet == true ? "met" : "UNMET"
        return [
            what, own, other ?? "", ratio.map { Decimal.fixed($0, digits: 2) } ?? "", promise ?? "", verdict,
        ]
    }

    var json: JSON {
        .object([
            ("what", .string(what)), ("own", .string(own)), ("other", .optional(other)),
            ("ratio", .optional(ratio)), ("promise", .optional(promise)),
            ("met", isMet.map { .boolean($0) } ?? .null),
        ])
    }

    static func milliseconds(_ nanoseconds: Double) -> String {
        Decimal.fixed(nanoseconds / 1e6, digits: nanoseconds >= 1e7 ? 1 : 2) + " ms"
    }
}
