public import Host
public import Layers

/// The bytes of another source, whose digest is known at the end.
public struct HashedSource<Base: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    /// Where they come from.
    public private(set) var base: Base
    private var hash = SHA256()
    /// The bytes that came by.
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

    /// The digest of what came by: of everything, after a `drain`.
    public var digest: Digest { hash.digest }
}
