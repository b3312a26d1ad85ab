import CHost
public import Host

/// A directory for all that a comparison makes, gone when it ends. It lies in memory, so that no disk has a part in what is
/// measured, and so that layers for containers can be written to (an overlay's upper layer may not be an overlay itself).
public final class Workspace {
    public let path: String

    public init(in directory: String = "/dev/shm") throws(Failure) {
        Self.removeAbandoned(directory)
        path = "\(directory)/vmm-compare-\(getpid())"
        try Files.makeDirectory(path)
    }

    /// Of comparisons that were killed.
    private static func removeAbandoned(_ directory: String) {
        for name in Files.names(in: directory) where name.hasPrefix("vmm-compare-") {
            guard let owner = Int32(name.dropFirst(12)), kill(owner, 0) != 0 else { continue }
            Files.remove(directory + "/" + name)
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
