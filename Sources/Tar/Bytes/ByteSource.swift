public import Host

/// A stream of bytes that is pulled, in pieces that are large but for the last: the file under a layer, what it unpacks to.
public protocol ByteSource: ~Copyable {
    /// How every failure about these bytes begins: "cannot read the layer sha256:...".
    var complaint: String { get }

    /// The next bytes, none at the end. They are the source's own memory and good until the next call.
    mutating func next() throws(Failure) -> UnsafeRawBufferPointer

    /// Passes over the next bytes without reading them, `byteCount` at the most; the number of bytes passed over. A source
    /// that must read what it passes over says 0.
    mutating func skip(_ byteCount: UInt64) throws(Failure) -> UInt64
}

extension ByteSource where Self: ~Copyable {
    public mutating func skip(_ byteCount: UInt64) throws(Failure) -> UInt64 { 0 }

    /// Reads what is left.
    public mutating func drain() throws(Failure) {
        while unsafe try !next().isEmpty {}
    }

    /// Everything, where there is no more than `limit` of it; nil otherwise. Memory is taken as the bytes come.
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
