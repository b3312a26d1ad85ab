import CHost
import Glibc
import Host
import SystemPackage

/// A walk through all files below a directory: a directory before its contents, names sorted by their bytes.
///
/// It follows no symbolic link, not even one that replaces a directory during the walk. File systems mounted
/// below the root do not belong to the tree: a mount point is visited and appears empty. A subvolume of btrfs
/// is no mount, although it has its own device number.
struct TreeWalk: ~Copyable {
    private let root: OwnedDescriptor
    private let rootPath: String
    private let rootStatus: stat
    /// The directories that were visited and not read yet; the next one is last.
    private var waiting = [LayerPath.root]
    /// The directory that was read last, and its path.
    private var current: OwnedDescriptor
    private var currentPath = LayerPath.root

    /// Starts a walk at the open directory `root`, whose path on the host is `path`.
    init(_ root: consuming OwnedDescriptor, at path: String) throws(Failure) {
        let complaint = TreeFile.complaint(.root, in: path)
        var status = stat()
        guard unsafe fstat(root.rawValue, &status) == 0 else { throw Failure(complaint, errno: .current) }
        do throws(Errno) {
            current = try Self.open(Self.here, in: root.rawValue)
        } catch {
            throw Failure(complaint, errno: error, cure: TreeFile.cure(error))
        }
        self.root = root
        rootPath = path
        rootStatus = status
    }

    private static let here = Array(".".utf8)

    /// Calls `visit` for each file, the root first.
    consuming func run(_ visit: (TreeFile) throws(Failure) -> Void) throws(Failure) {
        try visit(
            TreeFile(
                path: .root, directory: root.rawValue, name: SystemName(Self.here), status: rootStatus,
                root: rootPath))
        while let path = waiting.popLast() {
            do throws(Errno) {
                try open(path)
            } catch {
                throw failure(path, error)
            }
            if try isInTree() { try readCurrent(visit) }
        }
    }

    /// Opens a directory name by name, so that a deep tree costs neither descriptors nor stack. Starts from
    /// the last directory if that is above it.
    private mutating func open(_ path: LayerPath) throws(Errno) {
        if !path.names.starts(with: currentPath.names) {
            current = try Self.open(Self.here, in: root.rawValue)
            currentPath = .root
        }
        for name in path.names.dropFirst(currentPath.names.count) {
            current = try Self.open(name, in: current.rawValue)
        }
        currentPath = path
    }

    private static func open(_ name: [UInt8], in directory: Int32) throws(Errno) -> OwnedDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        return OwnedDescriptor(
            owning: try hostCall { unsafe SystemName(name).with { unsafe openat(directory, $0, flags) } })
    }

    private mutating func readCurrent(_ visit: (TreeFile) throws(Failure) -> Void) throws(Failure) {
        let names: [[UInt8]]
        do throws(Errno) {
            names = try DirectoryNames.read(current)
        } catch {
            throw failure(currentPath, error)
        }
        var below: [LayerPath] = []
        for name in names {
            let file = try file(name)
            try visit(file)
            if file.type == S_IFDIR { below.append(file.path) }
        }
        waiting.append(contentsOf: below.reversed())
    }

    private func isInTree() throws(Failure) -> Bool {
        var status = stat()
        guard unsafe fstat(current.rawValue, &status) == 0 else { throw failure(currentPath, .current) }
        if status.st_dev == rootStatus.st_dev { return true }
        return isBtrfs(current) && isBtrfs(root)
    }

    /// Whether the directory is on btrfs, where each subvolume has its own device number.
    private func isBtrfs(_ directory: borrowing OwnedDescriptor) -> Bool {
        var status = statfs()
        // BTRFS_SUPER_MAGIC.
        return unsafe fstatfs(directory.rawValue, &status) == 0 && status.f_type == 0x9123_683E
    }

    private func file(_ name: [UInt8]) throws(Failure) -> TreeFile {
        let path = currentPath.appending(name)
        // File systems of other systems limit characters, not bytes.
        let problem: LayerPathError? =
            if name.count > LayerPath.nameLimit { .longName } else if path.byteCount > LayerPath.byteLimit {
                .longPath
            } else { nil }
        if let problem {
            throw Failure(.badInput, TreeFile.complaint(path, in: rootPath), because: "\(problem)")
        }
        let (directory, systemName) = (current.rawValue, SystemName(name))
        var status = stat()
        do throws(Errno) {
            _ = try hostCall {
                unsafe systemName.with { unsafe fstatat(directory, $0, &status, AT_SYMLINK_NOFOLLOW) }
            }
        } catch {
            throw failure(path, error)
        }
        return TreeFile(
            path: path, directory: directory, name: systemName, status: status, root: rootPath)
    }

    private func failure(_ path: LayerPath, _ errno: Errno) -> Failure {
        Failure(TreeFile.complaint(path, in: rootPath), errno: errno, cure: TreeFile.cure(errno))
    }
}
