/// Bytes that wait, first in, first out. What was taken is given back to the memory when the queue runs empty or when
/// it is more than what still waits, so that adding and taking cost the same for each byte, however many wait.
public struct ByteQueue: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0

    public init() {}

    // `start` never passes `bytes.count`.
    public var count: Int { bytes.count &- start }
    public var isEmpty: Bool { start == bytes.count }

    public mutating func append(_ more: some Collection<UInt8>) {
        if start > bytes.count / 2 { compact() }
        bytes.append(contentsOf: more)
    }

    public mutating func append(_ more: UnsafeRawBufferPointer) {
        if start > bytes.count / 2 { compact() }
        unsafe bytes.append(contentsOf: more)
    }

    /// Takes the first bytes away, or all when there are fewer.
    public mutating func removeFirst(_ byteCount: Int) {
        start = byteCount < count ? start &+ max(0, byteCount) : bytes.count
        if isEmpty { removeAll() }
    }

    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        start = 0
    }

    /// Lends what waits, without taking it.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { all in unsafe body(UnsafeRawBufferPointer(rebasing: all[start...])) }
    }

    private mutating func compact() {
        bytes.removeFirst(start)
        start = 0
    }
}
