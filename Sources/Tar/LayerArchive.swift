public import Host
public import Layers

/// The digests and sizes of a layer's blob, before and after it is unpacked.
public struct LayerDigests: Hashable, Sendable {
    /// The digest of the blob as it is stored (OCI image 1.1, descriptor.md, `digest`).
    public let blob: Digest
    public let blobByteCount: UInt64
    /// The digest of the archive that the blob unpacks to (config.md, `diff_ids`).
    public let content: Digest
    public let contentByteCount: UInt64
}

/// A layer as images carry it: an archive with or without compression.
public enum LayerArchive {
    /// Passes the files of the layer `blob` to `sink` and digests the layer, in one pass. The caller must
    /// compare the digests with those of the image before it trusts the files in `sink`. The unpacked bytes
    /// are charged to `budget`.
    public static func read<Blob: ByteSource & ~Copyable>(
        _ blob: consuming Blob, into sink: inout some LayerSink, budget: ImportBudget = ImportBudget()
    ) throws(Failure) -> LayerDigests {
        var reader = TarReader(LayerContent(blob, budget: budget))
        try reader.read(into: &sink)
        return reader.source.digests
    }
}

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
