public import Host

/// A stream of bytes that the reader pulls, in pieces that are large except for the last: for example a
/// layer's file, or the archive that it unpacks to.
public protocol ByteSource: ~Copyable {
    /// The start of every error message about these bytes: "cannot read the layer sha256:...".
    var complaint: String { get }

    /// Returns the next bytes; none at the end. They are in the source's memory and valid until the next
    /// call.
    mutating func next() throws(Failure) -> UnsafeRawBufferPointer

    /// Skips at most `byteCount` bytes without reading them, and returns the number skipped. A source that
    /// must read in order to skip returns 0.
    mutating func skip(_ byteCount: UInt64) throws(Failure) -> UInt64
}

extension ByteSource where Self: ~Copyable {
    public mutating func skip(_ byteCount: UInt64) throws(Failure) -> UInt64 { 0 }

    /// Reads and discards the rest.
    public mutating func drain() throws(Failure) {
        while unsafe try !next().isEmpty {}
    }

    /// Reads all bytes. Returns nil if there are more than `limit`. Memory grows only as bytes arrive.
    public mutating func bytes(upTo limit: Int) throws(Failure) -> [UInt8]? {
        var all: [UInt8] = []
        while true {
            let piece = unsafe try next()
            if unsafe piece.isEmpty { return all }
            guard piece.count <= limit - all.count else { return nil }
            unsafe all.append(contentsOf: piece)
        }
    }

    func refused(_ why: String, cure: String? = nil) -> Failure {
        Failure(.badInput, complaint, because: why, cure: cure)
    }
}
