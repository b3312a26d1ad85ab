import Host

/// A layer's archive and the digests on both sides of its compression. What is not compressed is digested once.
struct LayerContent<Blob: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private var unpacked: UnpackedSource<HashedSource<Blob>>
    private var hash = SHA256()
    private var byteCount: UInt64 = 0

    init(_ blob: consuming Blob) {
        unpacked = UnpackedSource(HashedSource(blob))
    }

    var complaint: String { unpacked.complaint }

    mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        let piece = unsafe try unpacked.next()
        if !unpacked.isPlain { unsafe hash.update(piece) }
        byteCount &+= UInt64(piece.count)
        return unsafe piece
    }

    /// Of what came by.
    var digests: LayerDigests {
        let blob = unpacked.base.digest
        return LayerDigests(
            blob: blob, blobByteCount: unpacked.base.byteCount,
            content: unpacked.isPlain ? blob : hash.digest, contentByteCount: byteCount)
    }
}
