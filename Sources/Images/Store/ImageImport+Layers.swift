import Glibc
import Host
import Layers
import Synchronization

extension ImageImport {
    /// Imports an image from an OCI layout or an archive.
    func add(_ image: SourceImage) throws(Failure) -> ImageRecord {
        try checkRecord(of: image)
        // An image may have the same layer in several places; it is often an empty one.
        var seen: Set<Digest> = []
        let layers = image.layers.filter { seen.insert($0.contentDigest).inserted }
        session.state.withLock {
            $0.layerCount = layers.count
            $0.byteCount = layers.reduce(0) { $0.addingReportingOverflow($1.byteCount).partialValue }
        }
        let contents = Contents(
            identifier: image.identifier, configuration: image.configuration.configuration,
            configurationFile: image.configuration.bytes, created: image.configuration.created)
        return try cleaningUp { () throws(Failure) in
            let sizes = try make(layers, of: image.files)
            return try publish(
                contents,
                layers: image.layers.map { layer in
                    ImageRecord.Layer(digest: layer.contentDigest, byteCount: sizes[layer.contentDigest] ?? 0)
                })
        }
    }

    /// Refuses an image whose record could not be read back: every start would import the image again.
    private func checkRecord(of image: SourceImage) throws(Failure) {
        let record = ImageRecord(
            identifier: image.identifier, configuration: image.configuration.configuration,
            layers: image.layers.map { ImageRecord.Layer(digest: $0.contentDigest, byteCount: 0) },
            indexByteCount: 0, created: image.configuration.created, imported: 0)
        let bytes = record.fileBytes
        guard bytes.count <= ImageRecord.byteLimit, ImageRecord(fileBytes: bytes) == record else {
            let limit = ByteCount.text(UInt64(ImageRecord.byteLimit))
            throw image.files.refused(
                "its configuration exceeds the store's limit of \(limit)")
        }
    }

    /// Makes the layers on one thread per CPU, at most four. Returns the sizes of their files.
    private func make(
        _ layers: [SourceImage.Layer], of files: SourceFiles
    ) throws(Failure) -> [Digest: UInt64] {
        let queue = LayerQueue(layers)
        try work(threadCount: min(layers.count, 4, sysconf(Int32(_SC_NPROCESSORS_ONLN))), on: queue, files)
        return try queue.sizes()
    }

    /// Makes layers on this thread and on `threadCount - 1` others, until the queue is empty.
    private func work(threadCount: Int, on queue: LayerQueue, _ files: SourceFiles) throws(Failure) {
        guard threadCount > 1 else { return work(on: queue, files) }
        let helper = try HostThread(named: "layer") { self.work(on: queue, files) }
        let result = Result { () throws(Failure) in
            try work(threadCount: threadCount - 1, on: queue, files)
        }
        helper.join()
        try result.get()
    }

    private func work(on queue: LayerQueue, _ files: SourceFiles) {
        do throws(Failure) {
            while let (number, layer) = queue.next() {
                try session.check()
                session.state.withLock { $0.layersBegun += 1 }
                let maker = LayerImport(
                    store: store, session: session, draft: staging.file("layer-\(number).erofs"),
                    claims: claims)
                let reader = LayerReader(layer: layer, files: files, session: session)
                let byteCount = try maker.make(layer.contentDigest) { writer throws(Failure) in
                    try reader.read(into: writer)
                }
                queue.finish(layer.contentDigest, byteCount: byteCount)
            }
        } catch {
            // The order matters: `session.fail` makes the other threads fail, and the queue keeps the first
            // failure.
            queue.fail(error)
            session.fail()
        }
    }
}

/// The layers still to be made, shared by several threads.
private final class LayerQueue: Sendable {
    private struct State {
        var next = 0
        var sizes: [Digest: UInt64] = [:]
        var failure: Failure?
    }

    private let layers: [SourceImage.Layer]
    private let state = Mutex(State())

    init(_ layers: [SourceImage.Layer]) {
        self.layers = layers
    }

    func next() -> (Int, SourceImage.Layer)? {
        state.withLock { state in
            guard state.next < layers.count else { return nil }
            defer { state.next += 1 }
            return (state.next, layers[state.next])
        }
    }

    func finish(_ digest: Digest, byteCount: UInt64) {
        state.withLock { $0.sizes[digest] = byteCount }
    }

    /// Records a failure, unless there is one already: later ones are consequences of the first.
    func fail(_ failure: Failure) {
        state.withLock { $0.failure = $0.failure ?? failure }
    }

    func sizes() throws(Failure) -> [Digest: UInt64] {
        let state = state.withLock { $0 }
        if let failure = state.failure { throw failure }
        return state.sizes
    }
}
