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

    /// Reads the file at `path`; `bundle` is what the user calls the bundle.
    init(_ path: String, of bundle: String) throws(Failure) {
        let complaint = "cannot use the bundle \(bundle.brief)"
        var source = try FileSource(opening: path, as: "configuration")
        guard let bytes = try source.bytes(upTo: Self.byteLimit) else {
            throw Failure(.badInput, complaint, because: "its config.json is larger than 4 MB")
        }
        self.bytes = bytes
        configuration = try BundleConfiguration(
            bytes, document: JSONDocument(complaint: complaint, subject: "its config.json"))
    }

    /// Describes the bundle to the store, if the files of its root have that fingerprint. The identifier is not that of the
    /// files alone.
    func contents(fingerprint: Digest) -> ImageImport.Contents {
        let all = Array(fingerprint.hexadecimal.utf8) + bytes
        return ImageImport.Contents(
            identifier: SHA256.digest(of: all).hexadecimal, configuration: ImageConfiguration(configuration),
            configurationFile: bytes, isBundle: true)
    }
}

extension BundleConfiguration {
    /// Finds the root file system of the bundle in the directory `path`, without any link on the way. The specification
    /// lets it lie anywhere (OCI runtime 1.2, config.md, Root); but whoever made the bundle does not decide which of the user's
    /// files go into a container, so it stays in the bundle unless `mayBeOutside`.
    func root(
        inBundle path: String, orOutside mayBeOutside: Bool
    ) throws(Failure) -> (path: String, isOutside: Bool) {
        let complaint = "cannot use the bundle \(path.brief)"
        let named = rootPath.hasPrefix("/") ? rootPath : "\(path)/\(rootPath)"
        guard FileStatus(of: named)?.isDirectory == true else {
            throw Failure(
                .missingInput, complaint, because: "its root file system \(named.brief) is not there")
        }
        let root = try Self.resolved(named, complaint)
        let isOutside = !FilePath(root).starts(with: FilePath(try Self.resolved(path, complaint)))
        guard mayBeOutside || !isOutside else {
            throw Failure(
                .badInput, complaint,
                because: "its root file system \(rootPath.brief) leads out of it, to \(root.brief)",
                cure: "If those files may go into its container: --allow-outside-root.")
        }
        return (root, isOutside)
    }

    private static func resolved(_ path: String, _ complaint: String) throws(Failure) -> String {
        do throws(Errno) { return try Files.resolved(path) } catch { throw Failure(complaint, errno: error) }
    }
}

extension ImageConfiguration {
    /// What a bundle's first process is.
    init(_ bundle: BundleConfiguration) {
        self.init()
        command = bundle.arguments
        environment = bundle.environment
        workingDirectory = bundle.workingDirectory
        user = "\(bundle.user.userID):\(bundle.user.groupID)"
    }
}
