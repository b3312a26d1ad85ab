import Host
import Layers
import SystemPackage
import Tar

/// The `config.json` of a bundle.
struct BundleFile {
    private static let byteLimit = 4 << 20

    let configuration: BundleConfiguration
    /// The file, byte for byte.
    let bytes: [UInt8]

    /// Reads the file of the directory `path`. `bundle` is the user's name for the bundle, for error
    /// messages.
    init(in path: String, of bundle: String) throws(Failure) {
        let complaint = "cannot use the bundle \(bundle.brief)"
        var source = try FileSource(
            opening: StoreDirectory.configurationName, beneath: path, as: "configuration")
        guard let bytes = try source.bytes(upTo: Self.byteLimit) else {
            throw Failure(.badInput, complaint, because: "its config.json is larger than 4 MB")
        }
        self.bytes = bytes
        configuration = try BundleConfiguration(
            bytes, document: JSONDocument(complaint: complaint, subject: "its config.json"))
    }

    /// Returns the contents of the bundle's image, whose root files have the fingerprint `fingerprint`. The
    /// image's identifier covers the configuration file too.
    func contents(fingerprint: Digest) -> ImageImport.Contents {
        let all = Array(fingerprint.hexadecimal.utf8) + bytes
        return ImageImport.Contents(
            identifier: SHA256.digest(of: all).hexadecimal, configuration: ImageConfiguration(configuration),
            configurationFile: bytes, isBundle: true)
    }
}

extension BundleConfiguration {
    /// Finds the root file system of the bundle in the directory `path`, without any link on the way.
    ///
    /// The specification lets the root lie anywhere (OCI runtime 1.2, config.md, Root). Whoever made the
    /// bundle must not decide which of the user's files go into a container, so a root outside the bundle is
    /// an error unless `mayBeOutside`.
    func root(
        inBundle path: String, orOutside mayBeOutside: Bool
    ) throws(Failure) -> (path: String, isOutside: Bool) {
        let complaint = "cannot use the bundle \(path.brief)"
        let named = rootPath.hasPrefix("/") ? rootPath : "\(path)/\(rootPath)"
        guard FileStatus(of: named)?.isDirectory == true else {
            throw Failure(
                .missingInput, complaint, because: "its root file system \(named.brief) does not exist")
        }
        let root = try Self.resolved(named, complaint)
        let isOutside = !FilePath(root).starts(with: FilePath(try Self.resolved(path, complaint)))
        guard mayBeOutside || !isOutside else {
            throw Failure(
                .badInput, complaint,
                because: "its root file system \(rootPath.brief) is outside the bundle, in \(root.brief)",
                cure: "If the container may have these files, use --allow-outside-root.")
        }
        return (root, isOutside)
    }

    private static func resolved(_ path: String, _ complaint: String) throws(Failure) -> String {
        do throws(Errno) { return try Files.resolved(path) } catch { throw Failure(complaint, errno: error) }
    }
}

extension ImageConfiguration {
    /// Makes the image configuration of a bundle from the bundle's first process.
    init(_ bundle: BundleConfiguration) {
        self.init()
        command = bundle.arguments
        environment = bundle.environment
        workingDirectory = bundle.workingDirectory
        user = "\(bundle.user.userID):\(bundle.user.groupID)"
    }
}
