/// The sender's account of a stream: the number of bytes that it may still send.
public struct SendingCredit: Sendable {
    public private(set) var byteCount = Credit.initial

    public init() {}

    /// The largest credit, for one grant and in sum. Credit beyond it is not counted.
    public static let limit = 1 << 40

    public mutating func add(_ credit: Credit) {
        // Both terms are at most 2^40.
        byteCount = min(Self.limit, byteCount &+ Int(credit.byteCount))
    }

    /// Spends `count` bytes of credit. `count` is not more than `byteCount`.
    public mutating func spend(_ count: Int) { byteCount = max(0, byteCount &- count) }
}

/// The receiver's account of a stream: the number of bytes that may still arrive, and the time at which new
/// credit is due.
public struct ReceivingCredit: Sendable {
    private var expected = Credit.initial
    private var passedOn = 0

    public init() {}

    /// The smallest credit that a receiver grants. A frame of credit for each read of a few bytes would be
    /// longer than the bytes.
    public static let pieceByteCount = Credit.initial / 4

    /// Counts bytes that have arrived. Returns false if they are more than the sender had credit for.
    public mutating func receive(_ count: Int) -> Bool {
        guard count <= expected else { return false }
        expected = expected &- count
        return true
    }

    /// Counts bytes that were passed on to their reader. Returns the credit to grant for them, or nil until
    /// it is worth a frame.
    public mutating func passOn(_ count: Int) -> Credit? {
        // This cannot overflow: the sum is at most the number of received bytes, which credit limits.
        passedOn = passedOn &+ count
        guard passedOn >= Self.pieceByteCount, let piece = UInt32(exactly: passedOn) else { return nil }
        expected = expected &+ passedOn
        passedOn = 0
        return Credit(byteCount: piece)
    }
}
