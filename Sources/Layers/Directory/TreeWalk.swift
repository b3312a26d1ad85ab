import CHost
import Glibc
import Host
import SystemPackage

/// Visits all files below a directory: a directory before what is in it, names in the order of their bytes.
///
/// No symbolic link is followed, not even one that takes a directory's place during the walk. What is mounted below the root
/// is not of the tree: such a directory is visited and seems empty. Only a subvolume of btrfs is no mount.
struct TreeWalk: ~Copyable {
    private let root: OwnedDescriptor
    private let rootPath: String
    private let rootStatus: stat
    /// Directories that were visited and not read yet; the next is the last.
    private var waiting: [LayerPath] = []

    /// `root` is open and lies at `path` on the host.
    init(_ root: consuming OwnedDescriptor, at path: String) throws(Failure) {
        var status = stat()
        guard unsafe fstat(root.rawValue, &status) == 0 else {
            throw Failure(TreeFile.complaint(.root, in: path), errno: .current)
        }
        self.root = root
        rootPath = path
        rootStatus = status
    }

    /// Calls `visit` for each file, the root first.
    consuming func run(_ visit: (TreeFile) throws(Failure) -> Void) throws(Failure) {
        try visit(
            TreeFile(
                path: .root, directory: root.rawValue, name: SystemName(".".utf8), status: rootStatus,
                root: rootPath))
        waiting = [.root]
        while let path = waiting.popLast() { try read(path, visit) }
    }

    private mutating func read(
        _ path: LayerPath, _ visit: (TreeFile) throws(Failure) -> Void
    ) throws(Failure) {
        let directory = try open(path)
        guard try isInTree(directory, path) else { return }
        let names: [[UInt8]]
        do throws(Errno) {
            names = try DirectoryNames.read(directory)
        } catch {
            throw failure(path, error)
        }
        var below: [LayerPath] = []
        for name in names {
            let file = try file(name, in: path, directory)
            try visit(file)
            if file.type == S_IFDIR { below.append(file.path) }
        }
        waiting.append(contentsOf: below.reversed())
    }

    /// Goes down name by name, so that the depth of a tree costs neither descriptors nor stack.
    private func open(_ path: LayerPath) throws(Failure) -> OwnedDescriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC
        var directory = root.rawValue
        var owner: OwnedDescriptor?
        do throws(Errno) {
            for name in [Array(".".utf8)] + path.names {
                let next = try hostCall {
                    unsafe SystemName(name).with { unsafe openat(directory, $0, flags) }
                }
                owner = OwnedDescriptor(owning: next)
                directory = next
            }
        } catch {
            throw failure(path, error)
        }
        return owner.take()!
    }

    private func isInTree(_ directory: borrowing OwnedDescriptor, _ path: LayerPath) throws(Failure) -> Bool {
        var status = stat()
        guard unsafe fstat(directory.rawValue, &status) == 0 else { throw failure(path, .current) }
        if status.st_dev == rootStatus.st_dev { return true }
        return isBtrfs(directory) && isBtrfs(root)
    }

    /// Each subvolume has a device number of its own.
    private func isBtrfs(_ directory: borrowing OwnedDescriptor) -> Bool {
        var status = statfs()
        // BTRFS_SUPER_MAGIC
        return unsafe fstatfs(directory.rawValue, &status) == 0 && status.f_type == 0x9123_683E
    }

    private func file(
        _ name: [UInt8], in path: LayerPath, _ directory: borrowing OwnedDescriptor
    ) throws(Failure) -> TreeFile {
        let path = path.appending(name)
        guard path.bytes.count <= LayerPath.byteLimit else {
            throw Failure(
                .badInput, TreeFile.complaint(path, in: rootPath), because: "\(LayerPathError.longPath)")
        }
        let systemName = SystemName(name)
        var status = stat()
        let number = directory.rawValue
        guard unsafe systemName.with({ unsafe fstatat(number, $0, &status, AT_SYMLINK_NOFOLLOW) }) == 0 else {
            throw failure(path, .current)
        }
        return TreeFile(
            path: path, directory: number, name: systemName, status: status, root: rootPath)
    }

    private func failure(_ path: LayerPath, _ errno: Errno) -> Failure {
        Failure(TreeFile.complaint(path, in: rootPath), errno: errno, cure: TreeFile.cure(errno))
    }
}
