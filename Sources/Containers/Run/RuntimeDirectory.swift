import Glibc
import Host
import SystemPackage

/// Where one user's monitors find one another for as long as they run. What lies there does not outlive the host's boot.
struct RuntimeDirectory: Hashable, Sendable {
    let path: String

    /// /run/vmm for root; for everybody else `vmm` in XDG_RUNTIME_DIR, or where systemd puts that one, or a directory in
    /// /tmp. All processes of a user must come to the same one, so root's does not depend on how root came in.
    static func ofThisUser() -> RuntimeDirectory {
        let user = geteuid()
        if user == 0 { return RuntimeDirectory(path: "/run/vmm") }
        // A relative XDG_RUNTIME_DIR is to be ignored (XDG Base Directory Specification).
        if let own = Environment.value("XDG_RUNTIME_DIR"), own.hasPrefix("/") {
            return RuntimeDirectory(path: own + "/vmm")
        }
        let usual = "/run/user/\(user)"
        if FileStatus(of: usual)?.isDirectory == true { return RuntimeDirectory(path: usual + "/vmm") }
        return RuntimeDirectory(path: "/tmp/vmm-\(user)")
    }

    /// Opens the file `name` there to read and to write, and makes it where it is missing, and the directory too. Nobody
    /// else may have a hand in it: /tmp is everybody's.
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
