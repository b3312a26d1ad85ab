import Host
import Layers

/// Reads a layer, unpacks it, and checks both digests in the same pass.
struct LayerReader: Sendable {
    let layer: SourceImage.Layer
    let files: SourceFiles
    let session: ImportSession

    /// Writes the layer's files to `writer`.
    func read(into writer: ErofsWriter) throws(Failure) {
        let file = try files.source(layer.name, as: "layer")
        if layer.blobDigest != nil, file.byteCount != layer.byteCount {
            throw files.refused("its layer \(name) has \(file.byteCount) bytes, not \(layer.byteCount)")
        }
        let packed = HashedSource(WatchedSource(file, session: session, counts: true))
        let content = HashedSource(WatchedSource(UnpackedSource(packed), session: session, counts: false))
        var reader = TarReader(content)
        var sink = writer
        try reader.read(into: &sink)
        try check(reader.source.base.base.base.digest, reader.source.digest)
    }

    private func check(_ blob: Digest, _ content: Digest) throws(Failure) {
        if let wanted = layer.blobDigest, wanted != blob { throw files.wrongDigest("layer", wanted, blob) }
        guard content == layer.contentDigest else {
            throw files.wrongDigest("unpacked layer", layer.contentDigest, content)
        }
    }

    private var name: String { (layer.blobDigest ?? layer.contentDigest).short }
}

/// The bytes of another source, counted for the one who waits; it stops when the import shall.
struct WatchedSource<Base: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private(set) var base: Base
    private let session: ImportSession
    private let counts: Bool

    init(_ base: consuming Base, session: ImportSession, counts: Bool) {
        self.base = base
        self.session = session
        self.counts = counts
    }

    var complaint: String { base.complaint }

    mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        try session.check()
        let piece = unsafe try base.next()
        if counts { session.add(UInt64(piece.count)) }
        return unsafe piece
    }
}
