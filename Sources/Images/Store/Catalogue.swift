import Glibc
import Host
import Layers
import SystemPackage

/// The names and the images of a store.
struct Catalogue {
    let store: StoreDirectory

    // MARK: Looking up

    /// The image with that identifier; nil where there is none, or none that this version can read.
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

    /// All names, sorted.
    func names() throws(Errno) -> [NameRecord] {
        try Files.names(in: store.names).compactMap { nameRecord(file: $0) }.sorted { $0.name < $1.name }
    }

    /// All identifiers of images, sorted.
    func identifiers() throws(Errno) -> [String] {
        try Files.names(in: store.images).filter { Digest(hexadecimal: $0) != nil }
    }

    /// Reads the catalogue.
    func reading<Value>(_ body: (Catalogue) throws(Errno) -> Value) throws(Failure) -> Value {
        try store.doing("read") { () throws(Errno) in try body(self) }
    }

    /// The only image whose identifier begins so, with `least` digits or more; nil where that is none.
    func identifier(startingWith prefix: String, least: Int) throws(Failure) -> String? {
        let digits = prefix.hasPrefix("sha256:") ? String(prefix.dropFirst(7)) : prefix
        guard digits.utf8.count >= least, digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        else {
            return nil
        }
        let found = try reading { all throws(Errno) in try all.identifiers() }.filter { $0.hasPrefix(digits) }
        guard found.count < 2 else {
            throw Failure(
                .usage, "cannot tell which image \(prefix) is",
                because: "\(found.count) identifiers begin so",
                cure: "Write more of it; vmm image list has 12 digits.")
        }
        return found.first
    }

    /// The image of a record, as machines use it. A bundle's configuration is read unless it is known.
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
