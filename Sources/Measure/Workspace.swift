import Glibc
public import Host
import SystemPackage

/// A directory for all files that a measurement makes; it is removed at the end. It is in memory, so that no
/// disk affects the figures and that an overlay can have its upper layer there (an upper layer may not be on
/// an overlay itself).
public final class Workspace {
    public let path: String

    /// Makes the directory. Its name is `name` and the number of this process.
    public init(named name: String, in directory: String = "/dev/shm") throws(Failure) {
        try Self.makeDirectories(directory)
        Self.removeAbandoned(directory, name + "-")
        path = try Self.make("\(directory)/\(name)-\(getpid())")
    }

    /// Makes a directory and all missing parents.
    public static func makeDirectories(_ path: String) throws(Failure) {
        do throws(Errno) { try Files.makeDirectories(path) } catch {
            throw Failure("cannot make the directory \(path)", errno: error)
        }
    }

    /// Makes a directory that did not exist before: everybody may write to /dev/shm, and could have prepared
    /// a directory there. Only its owner may enter it, because images have set-user-ID programs.
    private static func make(_ usual: String) throws(Failure) -> String {
        var path = usual
        while unsafe mkdir(path, 0o700) < 0 {
            let cause = Errno.current
            guard cause == .fileExists else {
                throw Failure("cannot make the directory \(path)", errno: cause)
            }
            path = "\(usual)-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        }
        return path
    }

    /// Removes the workspaces of this user's measurements that were killed.
    private static func removeAbandoned(_ directory: String, _ prefix: String) {
        for name in (try? Files.names(in: directory)) ?? [] where name.hasPrefix(prefix) {
            let path = directory + "/" + name
            guard let owner = pid_t(name.dropFirst(prefix.count).prefix { $0 != "-" }), kill(owner, 0) != 0,
                Errno.current == .noSuchProcess, let status = FileStatus(ofLink: path), status.isDirectory,
                status.status.st_uid == geteuid()
            else { continue }
            Files.removeTree(path)
        }
    }

    /// Makes a directory in the workspace.
    public func directory(_ name: String) throws(Failure) -> String {
        let inner = path + "/" + name
        try Self.makeDirectories(inner)
        return inner
    }

    deinit {
        Files.removeTree(path)
    }
}
