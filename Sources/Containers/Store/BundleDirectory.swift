import Host
import Layers
import SystemPackage

extension BundleConfiguration {
    private static let byteLimit = 4 << 20

    /// Of the bundle in the directory `path`.
    init(ofBundle path: String) throws(Failure) {
        let complaint = "cannot use the bundle \(path.printable)"
        var source = try FileSource(opening: path + "/config.json", as: "configuration")
        guard let bytes = try source.bytes(upTo: Self.byteLimit) else {
            throw Failure(.badInput, complaint, because: "its config.json is larger than 4 MB")
        }
        try self.init(bytes, document: JSONDocument(complaint: complaint, subject: "its config.json"))
    }
}

extension BundleConfiguration {
    /// Where the root file system of the bundle in the directory `path` lies, without any link on the way. A path from the
    /// root on may lead anywhere (OCI runtime 1.2, config.md, Root); one from the bundle on stays in it, whatever links a
    /// bundle has that somebody else made.
    func root(inBundle path: String) throws(Failure) -> (path: String, isOutside: Bool) {
        let complaint = "cannot use the bundle \(path.printable)"
        let isAbsolute = rootPath.hasPrefix("/")
        let named = isAbsolute ? rootPath : "\(path)/\(rootPath)"
        guard FileFacts(of: named)?.isDirectory == true else {
            throw Failure(
                .missingInput, complaint, because: "its root file system \(named.printable) is not there")
        }
        let root = try Self.resolved(named, complaint)
        let isOutside = !FilePath(root).starts(with: FilePath(try Self.resolved(path, complaint)))
        guard isAbsolute || !isOutside else {
            throw Failure(
                .badInput, complaint,
                because: "its root file system \(rootPath.printable) leads out of it, by a link or with ..",
                cure: "If you want those files, write their whole path as root.path in its config.json.")
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
