import Glibc
import Host
import SystemPackage

/// A file that a walk has reached.
struct TreeFile {
    let path: LayerPath
    /// The descriptor of the file's directory, open during the walk, and the file's name in it. The root is
    /// `.` in itself.
    let directory: Int32
    let name: SystemName
    let status: stat
    /// The path of the tree on the host.
    let root: String

    var type: mode_t { status.st_mode & S_IFMT }

    func failure(_ errno: Errno) -> Failure {
        Failure(complaint, errno: errno, cure: Self.cure(errno))
    }

    func failure(because why: String, cure: String? = nil) -> Failure {
        Failure(.badInput, complaint, because: why, cure: cure)
    }

    private var complaint: String { Self.complaint(path, in: root) }

    static func complaint(_ path: LayerPath, in root: String) -> String {
        "cannot read \(path == .root ? root : "\(path) in \(root)")"
    }

    static func cure(_ errno: Errno) -> String? {
        switch errno {
        case .permissionDenied, .notPermitted:
            "Run vmm as the owner of the files or as root, or make them readable for you."
        case .noSuchFileOrDirectory, .notDirectory: "Leave the directory alone while it is read."
        default: nil
        }
    }
}
