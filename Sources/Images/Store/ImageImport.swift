import EROFS
import Glibc
import Host
import Layers
import Synchronization
import SystemPackage

/// An import of one image into the store: its layers, several at a time, then the index over them, then its
/// record and its names.
final class ImageImport: Sendable {
    /// The description of an image for the store: the fields of its record, and the configuration file kept
    /// beside it.
    struct Contents: Sendable {
        var identifier: String
        var configuration = ImageConfiguration()
        /// The file as it came; nil for a directory.
        var configurationFile: [UInt8]?
        var created = ""
        /// Whether the configuration file is a bundle's.
        var isBundle = false
    }

    let catalogue: Catalogue
    let session: ImportSession
    let staging: StagingDirectory
    let claims: LayerClaims

    init(_ store: StoreDirectory, session: ImportSession) throws(Failure) {
        claims = LayerClaims(store)
        catalogue = Catalogue(store: store)
        self.session = session
        StagingDirectory.clean(store)
        staging = try StagingDirectory(in: store)
    }

    var store: StoreDirectory { catalogue.store }

    /// Runs the work of an import. If it fails, gives up the layers that the import claimed.
    func cleaningUp<Value>(_ work: () throws(Failure) -> Value) throws(Failure) -> Value {
        do throws(Failure) {
            return try work()
        } catch {
            claims.giveUp()
            throw error
        }
    }

    /// Makes an image of layers that are all in the store, unless the image is there already.
    func publish(_ contents: Contents, layers: [ImageRecord.Layer]) throws(Failure) -> ImageRecord {
        if let record = catalogue.record(of: contents.identifier), record.layers == layers { return record }
        session.note("merging the layers")
        let draft = staging.file("image")
        try store.doing("write an image into") { () throws(Errno) in
            Files.removeTree(draft)
            try Files.makeDirectory(draft)
            // The names of the layers must reach the disk before an image that needs them.
            try Files.synchronize(store.layers)
        }
        var record = ImageRecord(
            identifier: contents.identifier, configuration: contents.configuration, layers: layers,
            indexByteCount: try writeIndex(draft + "/index.erofs", layers), created: contents.created,
            imported: UInt64(clamping: RealTime.seconds()))
        record.isBundle = contents.isBundle
        try store.doing("write an image into") { () throws(Errno) in
            if let bytes = contents.configurationFile {
                try Files.create("\(draft)/\(StoreDirectory.configurationName)", bytes)
            }
            try Files.create(draft + "/record", record.fileBytes)
            try Files.synchronize(draft)
        }
        try session.check()
        try catalogue.publish(draft, as: contents.identifier, staging: staging)
        return record
    }

    private func writeIndex(_ path: String, _ layers: [ImageRecord.Layer]) throws(Failure) -> UInt64 {
        let paths = layers.map { store.layer($0.digest.hexadecimal) }
        let file = try store.doing("write an image into") { () throws(Errno) in try Files.create(path) }
        try store.writing(path) { () throws(Failure) in
            _ = try ImageIndex.write(
                layers: paths, to: file.rawValue, named: "an index in \(store.path)",
                budget: session.budget,
                check: { () throws(Failure) in try self.session.check() })
        }
        return try store.doing("write an image into") { () throws(Errno) in
            _ = try hostCall { fchmod(file.rawValue, 0o400) }
            try Files.synchronize(file.rawValue)
            return FileStatus(of: file.rawValue)?.byteCount ?? 0
        }
    }
}

extension ImageImport {
    /// Imports a plain directory as an image of one layer. `fingerprint` names the layer; `contents`
    /// describes the image.
    func addDirectory(
        _ path: String, fingerprint: Digest, as contents: Contents
    ) throws(Failure) -> ImageRecord {
        let maker = LayerImport(
            store: store, session: session, draft: staging.file("layer.erofs"), claims: claims)
        return try cleaningUp { () throws(Failure) in
            let byteCount = try maker.make(fingerprint) { writer throws(Failure) in
                try read(path, fingerprint, into: writer)
            }
            return try publish(
                contents, layers: [ImageRecord.Layer(digest: fingerprint, byteCount: byteCount)])
        }
    }

    private func read(_ path: String, _ fingerprint: Digest, into writer: ErofsWriter) throws(Failure) {
        let tree = try DirectoryTree(opening: path)
        var sink = WatchedSink(writer, session: session, counts: true)
        try tree.read(into: &sink)
        guard try tree.fingerprint() == fingerprint else {
            throw Failure(
                .badInput, "cannot use the directory \(path.printable)",
                because: "files in it changed while they were read",
                cure: "Try again while nothing writes to it.")
        }
    }
}

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
