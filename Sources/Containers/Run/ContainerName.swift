import CHost
public import Host
import Images
import SystemPackage

/// The name of a running container, unique among the running containers of one user.
///
/// Every name hashes to one byte of a file in the user's runtime directory, and the monitor locks that byte.
/// So there is no list to maintain and nothing to clean up: the kernel releases the lock when the process
/// ends, for whatever reason. The lock is a POSIX record lock (fcntl(2), F_SETLK), because the kernel reports
/// the process that holds one. Such a lock belongs to the process, so a process must have at most one
/// `ContainerName`: two would not exclude each other, and the end of one would release both.
public struct ContainerName: ~Copyable, Sendable {
    private let file: OwnedDescriptor?

    /// Locks `name` until this value or its process ends. Does nothing if `name` is nil.
    public init(_ name: String?) throws(Failure) {
        try self.init(name, in: .ofThisUser())
    }

    init(_ name: String?, in directory: @autoclosure () -> RuntimeDirectory) throws(Failure) {
        guard let name else {
            file = nil
            return
        }
        file = try Self.take(name, in: directory())
    }

    /// Releases the name.
    public consuming func leave() {}

    private static func take(_ name: String, in directory: RuntimeDirectory) throws(Failure)
        -> OwnedDescriptor
    {
        var holder: pid_t = 0
        do throws(Errno) {
            let file = try directory.open("names")
            let result = unsafe chost_claim_byte(file.rawValue, LockByte.offset(of: name), &holder)
            if result == 0 { return file }
            guard result == -EAGAIN else { throw Errno(rawValue: -result) }
        } catch {
            throw Failure(
                "cannot reserve the container's name in \(directory.path)", errno: error,
                cure: "No other user may be able to write there. Set XDG_RUNTIME_DIR, or omit --name.")
        }
        throw inUse(name, by: holder)
    }

    /// The error of a name in use. `holder` is 0 if the process that holds the lock is in another PID
    /// namespace (fcntl_locking(2), F_GETLK).
    private static func inUse(_ name: String, by holder: pid_t) -> Failure {
        let isSeen = holder > 0
        return Failure(
            .unavailable, "cannot name the container '\(name)'",
            because: "the name is in use by " + (isSeen ? "process \(holder)" : "another container"),
            cure: "Choose another name, or end that container first" + (isSeen ? ": kill \(holder)" : "."))
    }
}
