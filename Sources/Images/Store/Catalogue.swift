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
            bundle = try BundleFile(store.configuration(of: record.identifier), of: record.identifier)
                .configuration
        }
        return Image(
            identifier: record.identifier, configuration: record.configuration,
            files: [store.index(of: record.identifier)]
                + record.layers.map { store.layer($0.digest.hexadecimal) },
            bundle: bundle)
    }
}
