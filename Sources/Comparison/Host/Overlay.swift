import CHost
import Host
import SystemPackage

/// An overlay mount over read-only layers, in this process's own mount namespace.
struct Overlay {
    let directory: String
    /// From the uppermost layer down.
    let lower: [String]

    var root: String { directory + "/root" }

    /// Makes the directories; the mount itself is another step, because it is part of what is measured.
    func prepare() throws(Failure) {
        for name in ["upper", "work", "root"] { try Files.makeDirectory(directory + "/" + name) }
    }

    func mount() throws(Failure) {
        let options =
            "lowerdir=\(lower.joined(separator: ":")),upperdir=\(directory)/upper,workdir=\(directory)/work"
        guard unsafe CHost.mount("overlay", root, "overlay", 0, options) == 0 else {
            throw Failure(
                "cannot mount an overlay at \(root)", errno: .current,
                cure: "It needs root, and a directory for it that is no overlay itself: --workspace DIRECTORY")
        }
    }

    func remove() {
        unsafe umount2(root, Int32(MNT_DETACH))
        Files.remove(directory)
    }
}

/// Mounts of their own for this comparison: whatever happens to it, the host keeps none.
public enum MountNamespace {
    /// For the calling thread and what it starts; false where that is not permitted.
    public static func make() -> Bool { chost_unshare_mounts() == 0 }
}
