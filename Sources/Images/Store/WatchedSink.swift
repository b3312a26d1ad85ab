import EROFS
import Host
import Layers

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
