import Layers

/// An image as it came: its texts read and checked, its layers still where they lie.
struct SourceImage {
    struct Layer {
        /// The digest of its tar, unpacked: what the store knows it by.
        var contentDigest: Digest
        /// The digest of what lies there; nil in a Docker archive, which has none.
        var blobDigest: Digest?
        /// Of what lies there.
        var byteCount: UInt64
        /// The file's name in the source.
        var name: String
    }

    var configuration: ConfigurationFile
    /// The lowest first.
    var layers: [Layer]
    /// What it is called in registries, as whoever wrote it says.
    var registryNames: [String]
    var files: SourceFiles

    /// Its own identifier in the store.
    var identifier: String { configuration.digest.hexadecimal }
}
