import CHost
public import Host
import SystemPackage

/// A directory for all files that a comparison makes; it is removed at the end. It is in memory, so that no
/// disk affects the measurements and that an overlay can have its upper layer there (an upper layer may not
/// be on an overlay itself).
public final class Workspace {
    public let path: String

    public init(in directory: String = "/dev/shm") throws(Failure) {
        try Files.makeDirectory(directory)
        Self.removeAbandoned(directory)
        path = try Self.make(in: directory)
    }

    /// Makes a directory that did not exist before: everybody may write to /dev/shm, and could have prepared
    /// a directory there. Only its owner may enter it, because images have set-user-ID programs.
    private static func make(in directory: String) throws(Failure) -> String {
        let usual = "\(directory)/vmm-compare-\(getpid())"
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

    /// Removes the workspaces of this user's comparisons that were killed.
    private static func removeAbandoned(_ directory: String) {
        for name in Files.names(in: directory) where name.hasPrefix("vmm-compare-") {
            let path = directory + "/" + name
            guard let owner = Int32(name.dropFirst(12).prefix { $0 != "-" }), kill(owner, 0) != 0,
                Errno.current == .noSuchProcess, Files.isOwnDirectory(path)
            else { continue }
            Files.remove(path)
        }
    }

    /// Makes a directory in the workspace.
    public func directory(_ name: String) throws(Failure) -> String {
        let inner = path + "/" + name
        try Files.makeDirectory(inner)
        return inner
    }

    deinit {
        Files.remove(path)
    }
}
