/// A queue of bytes, first in, first out. The memory of removed bytes is reused when the queue is empty or
/// when they outnumber the waiting bytes, so that the cost of a byte does not depend on the number of waiting
/// bytes.
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

    /// Removes the first `byteCount` bytes, or all if there are fewer.
    public mutating func removeFirst(_ byteCount: Int) {
        start = byteCount < count ? start &+ max(0, byteCount) : bytes.count
        if isEmpty { removeAll() }
    }

    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        start = 0
    }

    /// Calls `body` with the waiting bytes, which stay in the queue.
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { all in unsafe body(UnsafeRawBufferPointer(rebasing: all[start...])) }
    }

    private mutating func compact() {
        bytes.removeFirst(start)
        start = 0
    }
}
