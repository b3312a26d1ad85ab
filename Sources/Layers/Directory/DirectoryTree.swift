import Glibc
public import Host
import SystemPackage

/// A root file system in a directory on the host, read as it is: owners, modes, times, extended attributes,
/// devices, sockets, holes and hard links. File systems mounted below it are left out: a mount point is an
/// empty directory.
public struct DirectoryTree: ~Copyable {
    /// The path of the directory.
    public let path: String
    private let root: OwnedDescriptor

    public init(opening path: String) throws(Failure) {
        do throws(Errno) {
            root = try OwnedDescriptor(opening: path, for: .reading, flags: O_DIRECTORY)
        } catch {
            throw Failure(
                "cannot read the directory \(path)", errno: error,
                cure: error == .permissionDenied ? TreeFile.cure(error) : nil)
        }
        self.path = path
    }

    /// Passes all files to `sink`: a directory before its contents, names sorted by their bytes. A file that
    /// cannot be read is a failure, because a container must not run without it.
    public func read(into sink: inout some LayerSink) throws(Failure) {
        var reader = TreeReader()
        try walk().run { (file) throws(Failure) in try reader.pass(file, into: &sink) }
    }

    /// Computes a digest of the tree's paths, sizes, owners, modes, times and inodes, without the content. If
    /// the digest stays the same, so did the files. Computed before and after `read`, it also shows whether
    /// the tree changed meanwhile.
    public func fingerprint() throws(Failure) -> Digest {
        var hash = SHA256()
        try walk().run { (file) throws(Failure) in hash.update(Self.words(of: file)) }
        return hash.digest
    }

    private static func words(of file: TreeFile) -> [UInt8] {
        let status = file.status
        let path = file.path.bytes
        let words: [Int64] = [
            Int64(path.count), Int64(status.st_mode), Int64(status.st_uid), Int64(status.st_gid),
            Int64(truncatingIfNeeded: status.st_rdev), Int64(truncatingIfNeeded: status.st_ino),
            Int64(status.st_size), Int64(truncatingIfNeeded: status.st_nlink),
            Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
            Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
        ]
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } } + path
    }

    private func walk() throws(Failure) -> TreeWalk {
        let copy = fcntl(root.rawValue, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Failure("cannot read the directory \(path)", errno: .current) }
        return try TreeWalk(OwnedDescriptor(owning: copy), at: path)
    }
}
