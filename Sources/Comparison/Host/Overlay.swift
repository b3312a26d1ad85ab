import CHost
import CMeasure
import Host
import Measure
import SystemPackage

/// An overlay mount of read-only layers, in this process's own mount namespace.
struct Overlay {
    let directory: String
    /// The lower layers, the uppermost first.
    let lower: [String]

    var root: String { directory + "/root" }

    /// Makes the directories. `mount` is separate, because its time is measured.
    func prepare() throws(Failure) {
        for name in ["upper", "work", "root"] { try Workspace.makeDirectories(directory + "/" + name) }
    }

    func mount() throws(Failure) {
        let options =
            "lowerdir=\(lower.joined(separator: ":")),upperdir=\(directory)/upper,workdir=\(directory)/work"
        guard unsafe CMeasure.mount("overlay", root, "overlay", 0, options) == 0 else {
            throw Failure(
                "cannot mount an overlay at \(root)", errno: .current,
                cure: "It needs root, and a directory that is not on an overlay: --workspace DIRECTORY")
        }
    }

    func remove() {
        unsafe umount2(root, Int32(MNT_DETACH))
        Files.removeTree(directory)
    }
}

/// The comparison's own mount namespace: however the process ends, no mount remains on the host.
public enum MountNamespace {
    /// Moves the calling thread and its future children to a new mount namespace. Returns false if that is
    /// not permitted.
    public static func make() -> Bool { cmeasure_unshare_mounts() == 0 }
}
