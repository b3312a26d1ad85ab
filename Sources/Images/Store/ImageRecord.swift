public import Host
import Layers

/// The store's description of an image. Every start reads it, so it is one small binary file and not JSON.
struct ImageRecord: Hashable, Sendable {
    /// The version of the record's format. A record of another version is ignored, and an import replaces it.
    static let version: UInt16 = 1
    /// The version of a bundle's record: a program that does not know bundles must not run one as an image.
    static let bundleVersion: UInt16 = 2
    static let byteLimit = 8 << 20

    struct Layer: Hashable, Sendable {
        /// The digest of the layer's content, which names its file in the store.
        var digest: Digest
        /// The size of the layer's file.
        var byteCount: UInt64
    }

    var identifier: String
    var configuration = ImageConfiguration()
    /// The layers, the lowest first.
    var layers: [Layer]
    /// The size of the index.
    var indexByteCount: UInt64
    /// The time of creation that the image states; may be empty.
    var created: String
    /// The time of the import, in seconds since 1970.
    var imported: UInt64
    /// Whether the configuration file beside the record is a bundle's. It has settings that the record lacks.
    var isBundle = false

    /// The number of bytes in all files of the image.
    var byteCount: UInt64 {
        Set(layers).reduce(indexByteCount) { $0.addingReportingOverflow($1.byteCount).partialValue }
    }
}

extension ImageRecord: ByteValue {
    func write(to writer: inout ByteWriter) {
        writer.u16(isBundle ? Self.bundleVersion : Self.version)
        writer.text(identifier)
        configuration.write(to: &writer)
        writer.list(layers) { writer, layer in
            writer.text(layer.digest.hexadecimal)
            writer.u64(layer.byteCount)
        }
        writer.u64(indexByteCount)
        writer.text(created)
        writer.u64(imported)
    }

    init?(from reader: inout ByteReader) {
        guard let version = reader.u16(), (Self.version...Self.bundleVersion).contains(version),
            let identifier = reader.text(),
            let configuration = ImageConfiguration(from: &reader),
            let layers = reader.list({ Layer(from: &$0) }), let indexByteCount = reader.u64(),
            let created = reader.text(), let imported = reader.u64()
        else { return nil }
        self.init(
            identifier: identifier, configuration: configuration, layers: layers,
            indexByteCount: indexByteCount,
            created: created, imported: imported)
        isBundle = version == Self.bundleVersion
    }
}

extension ImageRecord.Layer {
    fileprivate init?(from reader: inout ByteReader) {
        guard let text = reader.text(), let digest = Digest(hexadecimal: text), let byteCount = reader.u64()
        else {
            return nil
        }
        self.init(digest: digest, byteCount: byteCount)
    }
}

extension ImageConfiguration {
    fileprivate func write(to writer: inout ByteWriter) {
        for texts in [entrypoint, command, environment, volumes, exposedPorts] {
            writer.list(texts) { $0.text($1) }
        }
        for text in [workingDirectory, user, stopSignal] { writer.text(text) }
    }

    fileprivate init?(from reader: inout ByteReader) {
        self.init()
        guard let entrypoint = reader.list({ $0.text() }), let command = reader.list({ $0.text() }),
            let environment = reader.list({ $0.text() }), let volumes = reader.list({ $0.text() }),
            let exposedPorts = reader.list({ $0.text() }), let workingDirectory = reader.text(),
            let user = reader.text(), let stopSignal = reader.text()
        else { return nil }
        self.entrypoint = entrypoint
        self.command = command
        self.environment = environment
        self.volumes = volumes
        self.exposedPorts = exposedPorts
        self.workingDirectory = workingDirectory
        self.user = user
        self.stopSignal = stopSignal
    }
}

extension ByteValue {
    /// The encoded value, as the contents of a file.
    public var fileBytes: [UInt8] {
        var writer = ByteWriter()
        write(to: &writer)
        return writer.bytes
    }

    /// Decodes a file that holds one value. Returns nil if `bytes` is malformed or longer than the value.
    init?(fileBytes bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        self.init(from: &reader)
        guard reader.isAtEnd else { return nil }
    }
}
