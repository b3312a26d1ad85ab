/// A queue of bytes, first in, first out. The bytes in front are moved only when they are fewer than the
/// removed ones, so that the cost of a byte does not depend on the number of waiting bytes.
///
/// The guest's agent compiles this file too, as part of its own module.
public struct ByteQueue: Sendable {
    @usableFromInline var bytes: [UInt8] = []
    /// The number of removed bytes at the start of `bytes`. It never passes `bytes.count`.
    @usableFromInline var start = 0

    /// The memory that an empty queue keeps at most. A queue that was long must not hold its memory for ever.
    @usableFromInline static let keptByteCount = 64 << 10

    @inlinable
    public init() {}

    @inlinable public var count: Int { bytes.count &- start }
    @inlinable public var isEmpty: Bool { start == bytes.count }
    /// The bytes in the queue.
    @inlinable public var waiting: ArraySlice<UInt8> { bytes[start...] }

    @inlinable
    public mutating func append(_ more: some Collection<UInt8>) {
        if start > bytes.count / 2 { compact() }
        bytes.append(contentsOf: more)
    }

    @inlinable
    public mutating func append(_ more: UnsafeRawBufferPointer) {
        if start > bytes.count / 2 { compact() }
        unsafe bytes.append(contentsOf: more)
    }

    /// Removes the first `byteCount` bytes, or all if there are fewer.
    @inlinable
    public mutating func removeFirst(_ byteCount: Int) {
        start = byteCount < count ? start &+ max(0, byteCount) : bytes.count
        if isEmpty { removeAll() }
    }

    /// Overwrites the first `byteCount` bytes, or all if there are fewer, with zeroes and removes them.
    public mutating func eraseFirst(_ byteCount: Int) {
        // Neither sum overflows: both stay within `bytes`.
        for index in start..<start &+ min(max(0, byteCount), count) { bytes[index] = 0 }
        removeFirst(byteCount)
    }

    @inlinable
    public mutating func removeAll() {
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptByteCount)
        start = 0
    }

    /// Calls `body` with the waiting bytes, which stay in the queue.
    @inlinable
    public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { all in unsafe body(UnsafeRawBufferPointer(rebasing: all[start...])) }
    }

    @usableFromInline
    mutating func compact() {
        bytes.removeFirst(start)
        start = 0
    }
}
