import Glibc
import Host
import SystemPackage

/// The directory in which the running monitors of one user find each other. Its files do not outlive the
/// host's boot.
struct RuntimeDirectory: Hashable, Sendable {
    let path: String

    /// Returns /run/vmm for root. For another user returns `vmm` in XDG_RUNTIME_DIR, else in systemd's
    /// /run/user/UID, else a directory in /tmp.
    ///
    /// All processes of a user must come to the same directory, so root's does not depend on the environment
    /// with which the user became root.
    static func ofThisUser() -> RuntimeDirectory {
        let user = geteuid()
        if user == 0 { return RuntimeDirectory(path: "/run/vmm") }
        // The XDG Base Directory Specification requires a relative XDG_RUNTIME_DIR to be ignored.
        if let own = Environment.value("XDG_RUNTIME_DIR"), own.hasPrefix("/") {
            return RuntimeDirectory(path: own + "/vmm")
        }
        let usual = "/run/user/\(user)"
        if FileStatus(of: usual)?.isDirectory == true { return RuntimeDirectory(path: usual + "/vmm") }
        return RuntimeDirectory(path: "/tmp/vmm-\(user)")
    }

    /// Opens the file `name` for reading and writing; creates the file and the directory if they are missing.
    ///
    /// Throws `.permissionDenied` if another user owns the directory or may write to it: everybody may create
    /// files in /tmp.
    func open(_ name: String) throws(Errno) -> OwnedDescriptor {
        do throws(Errno) {
            try Files.makeDirectory(path)
        } catch {
            if error != .fileExists { throw error }
        }
        let directory = try OwnedDescriptor(opening: path, for: .reading, flags: O_DIRECTORY | O_NOFOLLOW)
        guard let facts = FileStatus(of: directory.rawValue), facts.status.st_uid == geteuid(),
            facts.status.st_mode & (S_IWGRP | S_IWOTH) == 0
        else { throw .permissionDenied }
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        return OwnedDescriptor(
            owning: try hostCall { unsafe openat(directory.rawValue, name, flags, 0o600) })
    }
}
