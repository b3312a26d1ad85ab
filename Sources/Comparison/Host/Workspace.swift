import CHost
public import Host
import SystemPackage

/// A directory for all that a comparison makes, gone when it ends. It lies in memory, so that no disk has a part in what is
/// measured, and so that layers for containers can be written to (an overlay's upper layer may not be an overlay itself).
public final class Workspace {
    public let path: String

    public init(in directory: String = "/dev/shm") throws(Failure) {
        try Files.makeDirectory(directory)
        Self.removeAbandoned(directory)
        path = try Self.make(in: directory)
    }

    /// One that was not there before: everybody may write to /dev/shm, and could have put something of his own in its place.
    /// Nobody else looks into it: images have programs that run as their owner, root for one.
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

    /// Of this user's comparisons that were killed.
    private static func removeAbandoned(_ directory: String) {
        for name in Files.names(in: directory) where name.hasPrefix("vmm-compare-") {
            let path = directory + "/" + name
            guard let owner = Int32(name.dropFirst(12).prefix { $0 != "-" }), kill(owner, 0) != 0,
                Errno.current == .noSuchProcess, Files.isOwnDirectory(path)
            else { continue }
            Files.remove(path)
        }
    }

    /// A directory in it.
    public func directory(_ name: String) throws(Failure) -> String {
        let inner = path + "/" + name
        try Files.makeDirectory(inner)
        return inner
    }

    deinit {
        Files.remove(path)
    }
}
