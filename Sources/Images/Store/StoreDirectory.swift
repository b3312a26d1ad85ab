import Glibc
import Host
import SystemPackage

/// The layout of a store's directory:
///
///     version                     "1"; the store's locks are on this file
///     layers/DIFFID.erofs         a layer, by the SHA-256 digest of its tar, or by a directory's fingerprint
///     images/IDENTIFIER/record    the data that a start needs
///                       config.json   the configuration, as it came
///                       index.erofs   the index of its layers
///     names/HASH                  a name of an image: the name and an identifier
///     templates/...               templates (`TemplateShelf`)
///     tmp/...                     staging directories
///
/// Every file is made in `tmp`, written to the disk, and only then renamed to its final name. A file with its
/// final name is therefore complete, even after a kill, a crash of the host or a full disk.
struct StoreDirectory: Hashable, Sendable {
    static let version = "1"

    let path: String

    var versionFile: String { path + "/version" }
    var layers: String { path + "/layers" }
    var images: String { path + "/images" }
    var names: String { path + "/names" }
    var templates: String { path + "/templates" }
    var staging: String { path + "/tmp" }

    func layer(_ digest: String) -> String { "\(layers)/\(digest).erofs" }
    func image(_ identifier: String) -> String { "\(images)/\(identifier)" }
    func index(of identifier: String) -> String { image(identifier) + "/index.erofs" }
    func record(of identifier: String) -> String { image(identifier) + "/record" }

    static let configurationName = "config.json"

    /// Finds the store of the calling user.
    static func ofThisUser() throws(Failure) -> StoreDirectory {
        if let path = Environment.value("VMM_STORE") { return StoreDirectory(path: path) }
        if getuid() == 0 { return StoreDirectory(path: "/var/lib/vmm") }
        // A relative XDG_DATA_HOME must be ignored (XDG Base Directory Specification).
        if let data = Environment.value("XDG_DATA_HOME"), data.hasPrefix("/") {
            return StoreDirectory(path: data + "/vmm")
        }
        guard let home = Environment.value("HOME"), home.hasPrefix("/") else {
            throw Failure(
                .usage, "cannot find the image store", because: "HOME is not set",
                cure: "Set VMM_STORE to a directory.")
        }
        return StoreDirectory(path: home + "/.local/share/vmm")
    }

    /// The start of an error message: "cannot open the image store /var/lib/vmm".
    func complaint(_ verb: String) -> String { "cannot \(verb) the image store \(path)" }

    /// Calls `body` and turns its error number into a failure to `verb` the store: "cannot write a layer into
    /// the image store ...".
    func doing<Value: ~Copyable>(
        _ verb: String, _ body: () throws(Errno) -> Value
    ) throws(Failure) -> Value {
        do throws(Errno) {
            return try body()
        } catch {
            throw failure(complaint(verb), errno: error)
        }
    }

    /// Calls `body`, which writes to the file at `draft`. If the disk is full, adds to the failure how much
    /// room there is and how to get more.
    func writing<Value: ~Copyable>(_ draft: String, _ body: () throws(Failure) -> Value) throws(Failure)
        -> Value
    {
        do throws(Failure) {
            return try body()
        } catch {
            guard let errno = error.errno, isFull(errno) else { throw error }
            // Removing the draft frees the room that it takes.
            let room = free &+ (FileStatus(of: draft)?.allocatedByteCount ?? 0)
            throw Failure(
                error.what, errno: errno,
                cure: "It needs more than the \(ByteCount.text(room)) that are free. \(Self.fullCure)")
        }
    }

    private static let fullCure = "Free some space (vmm image prune), or set VMM_STORE to another directory."

    private func isFull(_ errno: Errno) -> Bool { errno == .noSpace || errno == .diskQuotaExceeded }

    /// Makes a failure to write, with the remedy for its error number.
    func failure(_ what: String, errno: Errno) -> Failure {
        Failure(what, errno: errno, cure: cure(for: errno))
    }

    func cure(for errno: Errno) -> String? {
        switch errno {
        case .noSpace, .diskQuotaExceeded:
            "Only \(ByteCount.text(free)) are free. \(Self.fullCure)"
        case .readOnlyFileSystem, .permissionDenied, .notPermitted:
            "Set VMM_STORE to a directory that you can write to."
        default: nil
        }
    }

    /// The number of bytes that can still be written to the store's file system.
    private var free: UInt64 {
        var facts = statvfs()
        guard unsafe statvfs(path, &facts) == 0 else { return 0 }
        return UInt64(facts.f_bavail).multipliedReportingOverflow(by: UInt64(facts.f_frsize)).partialValue
    }
}

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

    /// Makes a directory unless it exists.
    func makeDirectory(_ path: String) throws(Errno) {
        do throws(Errno) {
            try Files.makeDirectory(path)
        } catch {
            if error != .fileExists { throw error }
        }
    }

    /// Makes the version file, which completes the store. Uses link(2), so a process that comes second keeps
    /// the first one's file.
    private func makeVersionFile() throws(Errno) {
        let draft = "\(path)/.version-\(getpid())-\(Files.randomName())"
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
