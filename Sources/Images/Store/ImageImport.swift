import EROFS
import Glibc
import Host
import Layers
import SystemPackage

/// Brings an image into the store: its layers, several at a time, then the index over them, then its record and its names.
final class ImageImport: Sendable {
    /// What is in the store of an image afterwards, and what is kept beside.
    struct Contents: Sendable {
        var identifier: String
        var configuration = ImageConfiguration()
        /// As it came; nil for a directory.
        var configurationFile: [UInt8]?
        var created = ""
        /// Whether that is a bundle's.
        var isBundle = false
    }

    let catalogue: Catalogue
    let session: ImportSession
    let workshop: Workshop
    let claims: LayerClaims

    init(_ store: StoreDirectory, session: ImportSession) throws(Failure) {
        claims = LayerClaims(store)
        catalogue = Catalogue(store: store)
        self.session = session
        Workshop.clean(store)
        workshop = try Workshop(in: store)
    }

    var store: StoreDirectory { catalogue.store }

    /// Does the work of an import. Where that fails, the layers go that were made for it alone.
    func cleaningUp<Value>(_ work: () throws(Failure) -> Value) throws(Failure) -> Value {
        do throws(Failure) {
            return try work()
        } catch {
            claims.giveUp()
            throw error
        }
    }

    /// Makes an image of layers that are all there, unless it is there itself.
    func publish(_ contents: Contents, layers: [ImageRecord.Layer]) throws(Failure) -> ImageRecord {
        if let record = catalogue.record(of: contents.identifier), record.layers == layers { return record }
        session.note("putting the layers together")
        let draft = workshop.file("image")
        try store.doing("write an image into") { () throws(Errno) in
            Files.removeTree(draft)
            try Files.makeDirectory(draft)
            // The layers' names, before anything that counts on them.
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
        try catalogue.publish(draft, as: contents.identifier, workshop: workshop)
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
