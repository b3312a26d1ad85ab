/// An image in the store, ready for any number of VMs.
public struct Image: Hashable, Sendable {
    /// The SHA-256 digest of the image's configuration, in hexadecimal. For a plain directory, the
    /// fingerprint of its files; for a bundle, a digest of the fingerprint and the configuration.
    public let identifier: String
    public let configuration: ImageConfiguration
    /// The files that make up the EROFS file system of the image, in order, each padded to 4,096 bytes. The
    /// first is the index, which has all names and refers to data in the others; the layers follow from the
    /// lowest up.
    public let files: [String]
    /// The settings of an OCI bundle beyond its root file system; nil for other images.
    public let bundle: BundleConfiguration?
    /// A line for the user about the origin or the names of the image.
    public internal(set) var notice: String?

    public init(
        identifier: String, configuration: ImageConfiguration, files: [String],
        bundle: BundleConfiguration? = nil
    ) {
        self.identifier = identifier
        self.configuration = configuration
        self.files = files
        self.bundle = bundle
    }
}
