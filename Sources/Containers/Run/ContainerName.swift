import CHost
public import Host
import Images
import SystemPackage

/// What a container is called: no other that runs, of the same user, has that name.
///
/// Every name is a byte of one file in the user's runtime directory, and whoever has the name has a lock on that byte. So
/// nobody keeps a list, and nothing is left over: the kernel lets go of the lock with the process, however that ends. The
/// lock is fcntl(2)'s old kind, which belongs to the process: of that kind the kernel tells who has it. A process has one
/// of these at the most: two would not exclude each other, and the end of one would let go of both.
public struct ContainerName: ~Copyable, Sendable {
    private let file: OwnedDescriptor?

    /// Takes `name` until this value or its process ends. Without a name nothing is done.
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

    /// Gives the name back.
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
                "cannot keep the container's name in \(directory.path)", errno: error,
                cure: "Only this user may be able to write there. Set XDG_RUNTIME_DIR, or leave --name out.")
        }
        throw inUse(name, by: holder)
    }

    /// A holder of another PID namespace has no number here (fcntl_locking(2), F_GETLK).
    private static func inUse(_ name: String, by holder: pid_t) -> Failure {
        let isSeen = holder > 0
        return Failure(
            .unavailable, "cannot call the container '\(name)'",
            because: "the name is in use by " + (isSeen ? "process \(holder)" : "another container"),
            cure: "Choose another name, or end that container first" + (isSeen ? ": kill \(holder)" : "."))
    }
}
