import Glibc
import Host
import Layers
import SystemPackage

/// The names and the images of a store.
struct Catalogue {
    let store: StoreDirectory

    // MARK: Looking up

    /// Returns the record of the image `identifier`, or nil if there is none that this version can read.
    func record(of identifier: String) -> ImageRecord? {
        guard let bytes = try? Files.read(store.record(of: identifier), upTo: ImageRecord.byteLimit),
            let record = ImageRecord(fileBytes: bytes), record.identifier == identifier
        else { return nil }
        return record
    }

    func name(_ name: String) -> NameRecord? {
        let found = nameRecord(file: NameRecord.fileName(of: name))
        return found?.name == name ? found : nil
    }

    private func nameRecord(file: String) -> NameRecord? {
        guard let bytes = try? Files.read("\(store.names)/\(file)", upTo: NameRecord.byteLimit) else {
            return nil
        }
        return NameRecord(fileBytes: bytes)
    }

    /// Reads all names, sorted.
    func names() throws(Errno) -> [NameRecord] {
        try Files.names(in: store.names).compactMap { nameRecord(file: $0) }.sorted { $0.name < $1.name }
    }

    /// Reads all identifiers of images, sorted.
    func identifiers() throws(Errno) -> [String] {
        try Files.names(in: store.images).filter { Digest(hexadecimal: $0) != nil }
    }

    /// Calls `body` and turns its error number into a failure to read the store.
    func reading<Value>(_ body: (Catalogue) throws(Errno) -> Value) throws(Failure) -> Value {
        try store.doing("read") { () throws(Errno) in try body(self) }
    }

    /// Finds the only image whose identifier starts with `prefix`. Returns nil if there is none, or if
    /// `prefix` has fewer than `least` digits. Throws if there are several.
    func identifier(startingWith prefix: String, least: Int) throws(Failure) -> String? {
        let digits = prefix.hasPrefix("sha256:") ? String(prefix.dropFirst(7)) : prefix
        guard digits.utf8.count >= least, digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else {
            return nil
        }
        let found = try reading { all throws(Errno) in try all.identifiers() }.filter { $0.hasPrefix(digits) }
        guard found.count < 2 else {
            throw Failure(
                .usage, "cannot identify the image \(prefix)",
                because: "\(found.count) identifiers begin with it",
                cure: "Write more digits; vmm image list shows 12.")
        }
        return found.first
    }

    /// Returns the image of a record. Reads a bundle's configuration from the store unless the caller passes
    /// it in `known`.
    func image(
        _ record: ImageRecord, bundle known: BundleConfiguration? = nil
    ) throws(Failure) -> Image {
        var bundle = known
        if record.isBundle, bundle == nil {
            bundle = try BundleFile(in: store.image(record.identifier), of: record.identifier)
                .configuration
        }
        return Image(
            identifier: record.identifier, configuration: record.configuration,
            files: [store.index(of: record.identifier)]
                + record.layers.map { store.layer($0.digest.hexadecimal) },
            bundle: bundle)
    }
}

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
