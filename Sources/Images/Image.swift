/// An image that is in the store, ready for any number of machines.
public struct Image: Hashable, Sendable {
    /// The SHA-256 digest of its configuration, in hexadecimal; of its content, where it was a plain directory.
    public let identifier: String
    public let configuration: ImageConfiguration
    /// The files that one after another, each padded to 4,096 bytes, are the EROFS file system of the image: first the
    /// index, which has all names and refers to the data in the others, then the layers from the lowest up.
    public let files: [String]
    /// What an OCI bundle says beyond its root file system; nil for everything else.
    public let bundle: BundleConfiguration?
    /// What its user should know of where its files came from; a line.
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
