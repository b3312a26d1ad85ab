import Foundation
import Layers

/// An OCI image layout that a test makes, valid or malformed.
public struct TestLayout: Sendable {
    /// A blob and its descriptor.
    public struct Blob: Sendable {
        public var digest: String
        public var byteCount: Int
        /// For a layer, the digest of its unpacked archive.
        public var content = ""

        public init(digest: String, byteCount: Int) {
            self.digest = digest
            self.byteCount = byteCount
        }

        public func descriptor(_ mediaType: String, _ more: String = "") -> String {
            """
            {"mediaType": "\(mediaType)", "digest": "\(digest)", "size": \(byteCount)\(more)}
            """
        }

        /// Returns the blob's file in the layout at `path`.
        public func file(in path: String) -> String { path + "/blobs/sha256/" + digest.dropFirst(7) }
    }

    public enum Packing: String, Sendable, CaseIterable {
        case none = ""
        case gzip = "+gzip"
        case zstd = "+zstd"
    }

    public let path: String

    /// Makes the layout in a new directory `path`.
    public init(at path: String) throws {
        self.path = path
        try FileManager.default.createDirectory(
            atPath: path + "/blobs/sha256", withIntermediateDirectories: true)
        try write("oci-layout", #"{"imageLayoutVersion": "1.0.0"}"#)
    }

    public func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(path)/\(name)"))
    }

    public func blob(_ bytes: [UInt8]) throws -> Blob {
        let blob = Blob(digest: SHA256.digest(of: bytes).description, byteCount: bytes.count)
        try Data(bytes).write(to: URL(filePath: blob.file(in: path)))
        return blob
    }

    public func blob(_ text: String) throws -> Blob { try blob(Array(text.utf8)) }

    /// Adds a layer that consists of `archive`.
    public func layer(_ archive: [UInt8], _ packing: Packing = .none) throws -> Blob {
        var packed = archive
        if packing != .none {
            let file = try TemporaryFile(archive)
            let tool = packing == .gzip ? ["gzip", "-n1", "-k"] : ["zstd", "-q1", "-k"]
            let suffix = packing == .gzip ? ".gz" : ".zst"
            guard try ProgramRun(tool + [file.path]).status == 0 else { throw CocoaError(.fileWriteUnknown) }
            packed = [UInt8](try Data(contentsOf: URL(filePath: file.path + suffix)))
            try FileManager.default.removeItem(atPath: file.path + suffix)
        }
        var blob = try blob(packed)
        blob.content = SHA256.digest(of: archive).description
        return blob
    }

    public static let manifestType = "application/vnd.oci.image.manifest.v1+json"
    public static let indexType = "application/vnd.oci.image.index.v1+json"
    public static let configurationType = "application/vnd.oci.image.config.v1+json"
    public static func layerType(_ packing: Packing) -> String {
        "application/vnd.oci.image.layer.v1.tar" + packing.rawValue
    }

    /// Adds a configuration, with additional members of the object and of its `config`.
    public func configuration(
        _ layers: [Blob], architecture: String = "amd64", config: String = "", more: String = ""
    ) throws -> Blob {
        let contents = layers.map { "\"\($0.content)\"" }.joined(separator: ", ")
        return try blob(
            """
            {"architecture": "\(architecture)", "os": "linux", "config": {\(config)}\(more),
             "rootfs": {"type": "layers", "diff_ids": [\(contents)]}}
            """)
    }

    public func manifest(
        _ configuration: Blob, _ layers: [Blob], layerType: String = layerType(.none)
    ) throws -> Blob {
        let descriptors = layers.map { $0.descriptor(layerType) }.joined(separator: ", ")
        return try blob(
            """
            {"schemaVersion": 2, "config": \(configuration.descriptor(Self.configurationType)),
             "layers": [\(descriptors)]}
            """)
    }

    /// Writes the index; each entry is a descriptor.
    public func index(_ entries: [String]) throws {
        try write("index.json", #"{"schemaVersion": 2, "manifests": [\#(entries.joined(separator: ", "))]}"#)
    }

    /// Adds an image of `archives`, with the name `tag` unless it is nil. Returns its identifier.
    @discardableResult
    public func image(
        _ archives: [[UInt8]], _ packing: Packing = .none, config: String = "", tag: String? = nil
    ) throws -> String {
        let layers = try archives.map { try layer($0, packing) }
        let configuration = try configuration(layers, config: config)
        let manifest = try manifest(configuration, layers, layerType: Self.layerType(packing))
        let name = tag.map { #", "annotations": {"org.opencontainers.image.ref.name": "\#($0)"}"# } ?? ""
        try index([manifest.descriptor(Self.manifestType, name)])
        return String(configuration.digest.dropFirst(7))
    }
}
