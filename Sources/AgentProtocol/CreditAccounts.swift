/// How many bytes of a stream its sender may still send.
public struct SendingCredit: Sendable {
    public private(set) var byteCount = Credit.initial

    public init() {}

    /// Nobody gives more than this at a time or in sum: what is beyond it is not counted.
    public static let limit = 1 << 40

    public mutating func add(_ credit: Credit) {
        // Neither of the two is larger than 2^40.
        byteCount = min(Self.limit, byteCount &+ Int(credit.byteCount))
    }

    /// `count` is not more than `byteCount`.
    public mutating func spend(_ count: Int) { byteCount = max(0, byteCount &- count) }
}

/// How many bytes of a stream its receiver still has to expect, and when it says that there may be more.
public struct ReceivingCredit: Sendable {
    private var expected = Credit.initial
    private var passedOn = 0

    public init() {}

    /// Credit is given in pieces of this size: a frame for each read of a few bytes would be more than the bytes.
    public static let pieceByteCount = Credit.initial / 4

    /// Bytes have come; false when they are more than there was credit for.
    public mutating func receive(_ count: Int) -> Bool {
        guard count <= expected else { return false }
        expected = expected &- count
        return true
    }

    /// Bytes have gone where they belong. The credit to be given for them, once it is worth a frame.
    public mutating func passOn(_ count: Int) -> Credit? {
        // Never more than was received, which was never more than was expected.
        passedOn = passedOn &+ count
        guard passedOn >= Self.pieceByteCount, let piece = UInt32(exactly: passedOn) else { return nil }
        expected = expected &+ passedOn
        passedOn = 0
        return Credit(byteCount: piece)
    }
}
