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
    var staging: String { path + "/tmp" }

    func layer(_ digest: String) -> String { "\(layers)/\(digest).erofs" }
    func image(_ identifier: String) -> String { "\(images)/\(identifier)" }
    func index(of identifier: String) -> String { image(identifier) + "/index.erofs" }
    func record(of identifier: String) -> String { image(identifier) + "/record" }
    func configuration(of identifier: String) -> String { "\(image(identifier))/\(Self.configurationName)" }

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
