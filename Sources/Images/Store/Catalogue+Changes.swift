import Host
import Layers
import SystemPackage

/// Changes of the catalogue: each holds the catalogue's lock and takes effect with one rename(2).
extension Catalogue {
    /// Publishes the directory `draft` as the image `identifier`. The directory is complete and written to
    /// the disk.
    func publish(_ draft: String, as identifier: String, staging: borrowing StagingDirectory) throws(Failure)
    {
        let old = staging.file("replaced")
        try changing("add an image to") { () throws(Errno) in
            let place = store.image(identifier)
            if FileStatus(of: place) != nil {
                // Another import published the image first, or the existing one has another version or is
                // damaged.
                if record(of: identifier) != nil { return }
                Files.removeTree(old)
                try Files.rename(place, to: old)
            }
            try Files.rename(draft, to: place)
            try Files.synchronize(store.images)
        }
    }

    /// Writes names, or replaces the images that they stand for. Returns the old records of names that stood
    /// for another image.
    ///
    /// Two kinds of names are not returned, because they are expected to change: those of files, and those
    /// that a registry gave both times.
    @discardableResult
    func set(_ names: [NameRecord], staging: borrowing StagingDirectory) throws(Failure) -> [NameRecord] {
        let draft = staging.file("name")
        return try changing("write a name into") { () throws(Errno) in
            var moved: [NameRecord] = []
            for record in names {
                var record = record
                if let old = name(record.name) {
                    let isSame = old.identifier == record.identifier
                    record.isFromRegistry = record.isFromRegistry || isSame && old.isFromRegistry
                    let isExpected = old.isFromRegistry && record.isFromRegistry || record.name.hasPathKind
                    if !isSame, !isExpected { moved.append(old) }
                }
                try Files.create(draft, record.fileBytes)
                try Files.rename(draft, to: "\(store.names)/\(NameRecord.fileName(of: record.name))")
            }
            try Files.synchronize(store.names)
            return moved
        }
    }

    func removeName(_ name: String) throws(Failure) {
        try changing("remove a name from") { () throws(Errno) in
            try Files.remove("\(store.names)/\(NameRecord.fileName(of: name))")
            try Files.synchronize(store.names)
        }
    }

    /// Removes the images among `candidates` that have no name. Returns the number of bytes that their
    /// directories took.
    func removeUnnamed(_ candidates: [String], staging: borrowing StagingDirectory) throws(Failure) -> UInt64
    {
        let place = staging.file("removed-")
        return try changing("remove an image from") { () throws(Errno) in
            let named = Set(try names().map(\.identifier))
            var freed: UInt64 = 0
            for identifier in candidates where !named.contains(identifier) {
                freed += Files.allocatedByteCount(below: store.image(identifier))
                try Files.rename(store.image(identifier), to: place + identifier)
            }
            try Files.synchronize(store.images)
            return freed
        }
    }

    private func changing<Value>(
        _ what: String, _ body: () throws(Errno) -> Value
    ) throws(Failure) -> Value {
        let lock = try StoreLock(.catalogue, of: store, alone: true) {}
        defer { _ = lock }
        return try store.doing(what, body)
    }
}

extension String {
    /// Whether the text is the store's name of a file or a directory: "oci:/srv/layout".
    fileprivate var hasPathKind: Bool { contains(":/") }
}
