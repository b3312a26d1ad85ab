import Glibc
import Host
import SystemPackage

extension StoreDirectory {
    /// Checks that the directory is a store of this version, and makes a store if the directory is missing or
    /// empty.
    func prepare() throws(Failure) {
        try checkOwner()
        let version = try doing("open") { () throws(Errno) -> [UInt8]? in
            do throws(Errno) {
                return try Files.read(versionFile, upTo: 64) ?? []
            } catch {
                if error != .noSuchFileOrDirectory { throw error }
                return nil
            }
        }
        if let version {
            try checkParents()
            return try check(version)
        }
        try make()
        // Another process may have made it first.
        try checkOwner()
        try checkParents()
    }

    /// Refuses a store that others can write to: they would decide the contents of images, and which files
    /// are created or removed.
    private func checkOwner() throws(Failure) {
        guard let facts = FileStatus(of: path) else { return }
        let (owner, mode) = (facts.status.st_uid, facts.status.st_mode)
        guard !Self.isTrusted(owner: owner, mode: mode, by: geteuid()) else { return }
        throw Failure(
            .notPermitted, complaint("use"),
            because: mode & S_IWOTH == 0
                ? "it belongs to user \(owner)" : "every user may write to it",
            cure: "Set VMM_STORE to a directory of your own.")
    }

    /// Refuses a store below a directory that others can write to: they could put another store in its place.
    private func checkParents() throws(Failure) {
        guard var parent = try? Files.resolved(path)[...] else { return }
        while let slash = parent.lastIndex(of: "/"), parent.utf8.count > 1 {
            parent = slash == parent.startIndex ? "/" : parent[..<slash]
            guard let facts = FileStatus(of: String(parent)) else { return }
            let (owner, mode) = (facts.status.st_uid, facts.status.st_mode)
            guard !Self.isTrustedParent(owner: owner, mode: mode, by: geteuid()) else { continue }
            throw Failure(
                .notPermitted, complaint("use"),
                because: "other users may replace it, because they may write to \(String(parent).brief)",
                cure: "Set VMM_STORE to a directory below one of your own.")
        }
    }

    /// Whether only `user` and root can rename the entries that these two have in a directory. In a directory
    /// with the sticky bit, such as /tmp, users can only rename their own entries (inode(7), S_ISVTX).
    static func isTrustedParent(owner: uid_t, mode: mode_t, by user: uid_t) -> Bool {
        // In a user namespace, files of the initial namespace's root belong to nobody: user 65534.
        (owner == user || owner == 0 || owner == 65534) && (mode & S_IWOTH == 0 || mode & S_ISVTX != 0)
    }

    /// Whether a directory belongs to `user` or root and is not writable by everybody. Members of a group are
    /// assumed to trust one another.
    static func isTrusted(owner: uid_t, mode: mode_t, by user: uid_t) -> Bool {
        (owner == user || owner == 0) && mode & S_IWOTH == 0
    }

    private func check(_ bytes: [UInt8]) throws(Failure) {
        let found = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
        guard found != Self.version else { return }
        throw Failure(
            .unavailable, complaint("open"),
            because: "its format has version \(String(found).printable), not \(Self.version)",
            cure: "Use the vmm that made it, or set VMM_STORE to another directory.")
    }

    private func make() throws(Failure) {
        let rooms = ["layers", "images", "names", "tmp"]
        let isFree = try doing("make") { () throws(Errno) in
            try makeParents()
            // An interrupted preparation leaves some of these directories and no other files.
            return try Files.names(in: path).allSatisfy { rooms.contains($0) || $0.hasPrefix(".version-") }
        }
        guard isFree else { return try recheck() }
        try doing("make") { () throws(Errno) in
            for room in rooms { try makeDirectory("\(path)/\(room)") }
            try makeVersionFile()
        }
    }

    /// Handles a directory with files but without a version: a foreign directory, or a store that another
    /// process has just finished.
    private func recheck() throws(Failure) {
        if let found = try? Files.read(versionFile, upTo: 64) { return try check(found) }
        throw Failure(
            .usage, complaint("open"), because: "the directory contains other files",
            cure: "Set VMM_STORE to a directory of its own.")
    }

    private func makeParents() throws(Errno) {
        var missing: [String] = []
        var parent = Substring(path)
        while !parent.isEmpty, FileStatus(of: String(parent)) == nil {
            missing.append(String(parent))
            guard let slash = parent.lastIndex(of: "/") else { break }
            parent = parent[..<slash]
        }
        for path in missing.reversed() { try makeDirectory(path) }
    }

    private func makeDirectory(_ path: String) throws(Errno) {
        do throws(Errno) {
            try Files.makeDirectory(path)
        } catch {
            if error != .fileExists { throw error }
        }
    }

    /// Makes the version file, which completes the store. Uses link(2), so a process that comes second keeps
    /// the first one's file.
    private func makeVersionFile() throws(Errno) {
        let draft = "\(path)/.version-\(getpid())-\(UInt32.random(in: .min ... .max))"
        try Files.create(draft, Array("\(Self.version)\n".utf8))
        defer { try? Files.remove(draft) }
        do throws(Errno) {
            _ = try hostCall { unsafe link(draft, versionFile) }
        } catch {
            if error != .fileExists { throw error }
        }
        try Files.synchronize(path)
    }
}
