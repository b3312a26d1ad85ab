import EROFS
import Host
import Layers
import Tar

/// A reader that unpacks a layer and checks both digests in the same pass.
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
        var sink = WatchedSink(writer, session: session, counts: false)
        let found = try LayerArchive.read(
            WatchedSource(file, session: session), into: &sink, budget: session.budget)
        if let wanted = layer.blobDigest, wanted != found.blob {
            throw files.wrongDigest("layer", wanted, found.blob)
        }
        guard found.content == layer.contentDigest else {
            throw files.wrongDigest("unpacked layer", layer.contentDigest, found.content)
        }
    }

    private var name: String { (layer.blobDigest ?? layer.contentDigest).short }
}

/// A source that counts the bytes of another one for the progress, and throws when the import is to end.
struct WatchedSource<Base: ByteSource & ~Copyable>: ByteSource, ~Copyable {
    private(set) var base: Base
    private let session: ImportSession

    init(_ base: consuming Base, session: ImportSession) {
        self.base = base
        self.session = session
    }

    var complaint: String { base.complaint }

    mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        try session.check()
        let piece = unsafe try base.next()
        session.add(UInt64(piece.count))
        return unsafe piece
    }
}

/// A sink that passes everything on to an image writer, and fails when the import is to end.
struct WatchedSink: LayerSink {
    private var base: ErofsWriter
    private let session: ImportSession
    private let counts: Bool

    /// Makes a sink. `counts` says whether to add the bytes to the import's progress.
    init(_ base: ErofsWriter, session: ImportSession, counts: Bool) {
        self.base = base
        self.session = session
        self.counts = counts
    }

    mutating func add(_ entry: LayerEntry) throws(Failure) {
        try session.check()
        try base.add(entry)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        try session.check()
        if counts { session.add(UInt64(bytes.count)) }
        unsafe try base.append(bytes)
    }

    mutating func appendHole(byteCount: UInt64) throws(Failure) {
        try session.check()
        try base.appendHole(byteCount: byteCount)
    }
}
