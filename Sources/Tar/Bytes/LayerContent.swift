import Host
import Layers

/// A layer's archive, and the digests of both its compressed and its unpacked bytes. An archive without
/// compression is digested once.
struct LayerContent<Blob: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private var unpacked: UnpackedSource<HashedSource<Blob>>
    private var hash = SHA256()
    private var byteCount: UInt64 = 0
    private let budget: ImportBudget

    init(_ blob: consuming Blob, budget: ImportBudget) {
        unpacked = UnpackedSource(HashedSource(blob))
        self.budget = budget
    }

    var complaint: String { unpacked.complaint }

    mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        let piece = unsafe try unpacked.next()
        try budget.unpack(piece.count, complaint)
        if !unpacked.isPlain { unsafe hash.update(piece) }
        byteCount &+= UInt64(piece.count)
        return unsafe piece
    }

    /// The digests and sizes of the bytes so far.
    var digests: LayerDigests {
        let blob = unpacked.base.digest
        return LayerDigests(
            blob: blob, blobByteCount: unpacked.base.byteCount,
            content: unpacked.isPlain ? blob : hash.digest, contentByteCount: byteCount)
    }
}
