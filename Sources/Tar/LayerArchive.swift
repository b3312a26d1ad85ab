public import Host
public import Layers

/// What a layer's blob is called by, before and after it is unpacked.
public struct LayerDigests: Hashable, Sendable {
    /// Of the blob as it is stored (OCI image 1.1, descriptor.md, `digest`).
    public let blob: Digest
    public let blobByteCount: UInt64
    /// Of the archive that it unpacks to (config.md, `diff_ids`).
    public let content: Digest
    public let contentByteCount: UInt64
}

/// A layer as images carry it: an archive, perhaps compressed.
public enum LayerArchive {
    /// Passes the files of the layer `blob` to `sink` and digests the layer, in one pass. The caller compares the digests with
    /// those that the image promises, and only then believes what the sink got. What it unpacks to comes out of `budget`.
    public static func read<Blob: ByteSource & ~Copyable>(
        _ blob: consuming Blob, into sink: inout some LayerSink, budget: ImportBudget = ImportBudget()
    ) throws(Failure) -> LayerDigests {
        var reader = TarReader(LayerContent(blob, budget: budget))
        try reader.read(into: &sink)
        return reader.source.digests
    }
}
