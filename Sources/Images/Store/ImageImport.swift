import EROFS
import Glibc
import Host
import Layers
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
