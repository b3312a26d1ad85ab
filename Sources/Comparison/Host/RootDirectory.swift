import CHost

/// A root file system that lies in a directory already.
public enum RootDirectory {
    /// The directory itself, or the `rootfs` of an OCI bundle; nil where it is neither, or an OCI layout.
    public static func find(_ path: String) -> String? {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        let directory = unsafe String(cString: resolved)
        guard Files.isDirectory(directory), !Files.exists(directory + "/oci-layout") else { return nil }
        let inner = directory + "/rootfs"
        return Files.exists(directory + "/config.json") && Files.isDirectory(inner) ? inner : directory
    }
}
