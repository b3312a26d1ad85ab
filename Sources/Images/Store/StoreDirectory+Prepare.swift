import Glibc
import Host
import SystemPackage

extension StoreDirectory {
    /// Makes sure that this is a store of the version that is known here, and makes one where there is nothing.
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
        // Somebody may have been quicker.
        try checkOwner()
        try checkParents()
    }

    /// Whoever can write to a store decides what is in the images there, and where files go that are made or removed.
    private func checkOwner() throws(Failure) {
        guard let facts = FileStatus(of: path) else { return }
        let (owner, mode) = (facts.status.st_uid, facts.status.st_mode)
        guard !Self.isTrusted(owner: owner, mode: mode, by: geteuid()) else { return }
        throw Failure(
            .notPermitted, complaint("use"),
            because: mode & S_IWOTH == 0
                ? "it belongs to the user with number \(owner)" : "everybody may write to it",
            cure: "Set VMM_STORE to a directory of your own.")
    }

    /// Whoever can write to a directory above the store can put another store into its place.
    private func checkParents() throws(Failure) {
        guard var parent = try? Files.resolved(path)[...] else { return }
        while let slash = parent.lastIndex(of: "/"), parent.utf8.count > 1 {
            parent = slash == parent.startIndex ? "/" : parent[..<slash]
            guard let facts = FileStatus(of: String(parent)) else { return }
            let (owner, mode) = (facts.status.st_uid, facts.status.st_mode)
            guard !Self.isTrustedParent(owner: owner, mode: mode, by: geteuid()) else { continue }
            throw Failure(
                .notPermitted, complaint("use"),
                because: "others may put something else into its place, in \(String(parent).brief)",
                cure: "Set VMM_STORE to a directory below one of your own.")
        }
    }

    /// Whether nobody but `user` and root can rename what these have in a directory. In one with the sticky bit, as /tmp,
    /// everybody can only rename what is his own (inode(7), S_ISVTX).
    static func isTrustedParent(owner: uid_t, mode: mode_t, by user: uid_t) -> Bool {
        // In a user namespace, files of root's outside belong to nobody: user 65534.
        (owner == user || owner == 0 || owner == 65534) && (mode & S_IWOTH == 0 || mode & S_ISVTX != 0)
    }

    /// A directory of one's own or of root's, to which not everybody can write. Those who share a group trust one another.
    static func isTrusted(owner: uid_t, mode: mode_t, by user: uid_t) -> Bool {
        (owner == user || owner == 0) && mode & S_IWOTH == 0
    }

    private func check(_ bytes: [UInt8]) throws(Failure) {
        let found = String(decoding: bytes, as: UTF8.self).prefix { $0 != "\n" }
        guard found != Self.version else { return }
        throw Failure(
            .unavailable, complaint("open"),
            because: "it is of version \(String(found).printable), not \(Self.version)",
            cure: "Use the vmm that made it, or set VMM_STORE to another directory.")
    }

    private func make() throws(Failure) {
        let rooms = ["layers", "images", "names", "tmp"]
        let isFree = try doing("make") { () throws(Errno) in
            try makeParents()
            // A store whose making was interrupted has some of these and nothing else.
            return try Files.names(in: path).allSatisfy { rooms.contains($0) || $0.hasPrefix(".version-") }
        }
        guard isFree else { return try recheck() }
        try doing("make") { () throws(Errno) in
            for room in rooms { try makeDirectory("\(path)/\(room)") }
            try makeVersionFile()
        }
    }

    /// It has files but no version: somebody else's directory, or a store that was finished this moment.
    private func recheck() throws(Failure) {
        if let found = try? Files.read(versionFile, upTo: 64) { return try check(found) }
        throw Failure(
            .usage, complaint("open"), because: "there are other files in that directory",
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

    /// The last thing to be made, by link(2): whoever comes second finds the first one's.
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
