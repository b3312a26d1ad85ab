import Layers

/// An image as it came. Its manifests and configuration have been read and checked, its layers have not been
/// read.
struct SourceImage {
    struct Layer {
        /// The digest of the layer's unpacked tar, which names its file in the store.
        var contentDigest: Digest
        /// The digest of the file in the source; nil in a Docker archive, which does not state it.
        var blobDigest: Digest?
        /// The size of the file in the source.
        var byteCount: UInt64
        /// The file's name in the source.
        var name: String
    }

    var configuration: ConfigurationFile
    /// The layers, the lowest first.
    var layers: [Layer]
    /// The names in registries that the source states.
    var registryNames: [String]
    var files: SourceFiles

    /// The image's identifier in the store.
    var identifier: String { configuration.digest.hexadecimal }
}
