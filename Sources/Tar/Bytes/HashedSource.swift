public import Host
public import Layers

/// A source that passes on the bytes of another one and computes their digest.
public struct HashedSource<Base: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    /// The source of the bytes.
    public private(set) var base: Base
    private var hash = SHA256()
    /// The number of bytes so far.
    public private(set) var byteCount: UInt64 = 0

    public init(_ base: consuming Base) {
        self.base = base
    }

    public var complaint: String { base.complaint }

    public mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        let piece = unsafe try base.next()
        unsafe hash.update(piece)
        byteCount += UInt64(piece.count)
        return unsafe piece
    }

    /// The digest of the bytes so far; after a `drain`, of all bytes.
    public var digest: Digest { hash.digest }
}
