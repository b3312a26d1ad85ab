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
