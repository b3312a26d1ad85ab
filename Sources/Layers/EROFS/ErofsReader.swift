public import Host

/// Reads an image on the host.
public final class ErofsReader: Sendable {
    /// The image that `files` are one after another, each padded to 4,096 bytes: an index and its layers, or one layer.
    public init(files: [String]) throws(Failure) {}

    /// The content of the file at `path`, with symbolic links followed inside of the image; nil where there is no such
    /// file, or something that is none. A file of more than `byteCount` bytes is a failure.
    public func contents(of path: String, atMost byteCount: Int = 1 << 20) throws(Failure) -> [UInt8]? { nil }
}
