import Glibc
public import Host
import SystemPackage

/// The disk of a container's writable layer: a sparse file that nobody else finds, because it has no name any more. It
/// goes with its last descriptor, however the monitor ends.
public struct WritableDisk: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// Where this process opens it.
    public var path: String { "/proc/self/fd/\(file.rawValue)" }

    /// A file of `byteCount` bytes in `directory` with an empty ext4 file system. It takes little more than its tables, and
    /// grows with what is written.
    public init(byteCount: UInt64, in directory: String) throws(Failure) {
        let file = try Self.makeFile(byteCount: byteCount, in: directory)
        try Self.format(file)
        self.file = file
    }

    private static func makeFile(
        byteCount: UInt64, in directory: String
    ) throws(Failure) -> OwnedDescriptor {
        let path = "\(directory)/writable-\(getpid())"
        do throws(Errno) {
            let number = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard number >= 0 else { throw .current }
            let file = OwnedDescriptor(owning: number)
            unsafe unlink(path)
            _ = try hostCall { ftruncate(file.rawValue, off_t(byteCount)) }
            return file
        } catch {
            throw Failure(
                "cannot make a writable disk in \(directory)", errno: error,
                cure: "Set VMM_STORE to a directory with room, or leave --writable out: memory will do.")
        }
    }

    /// Whatever takes time is left to the guest, or out: a file system that ends with its container needs no journal.
    private static func format(_ file: borrowing OwnedDescriptor) throws(Failure) {
        let command = [
            "mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-O", "^has_journal,^resize_inode", "-E",
            "lazy_itable_init=1,nodiscard,root_owner=0:0", "/proc/self/fd/3",
        ]
        let program: ChildProgram
        do throws(Errno) {
            program = try ChildProgram(command, keeping: file.rawValue)
        } catch {
            guard error == .noSuchFileOrDirectory else {
                throw Failure("cannot run mke2fs", errno: error)
            }
            throw Failure(
                .unavailable, "cannot format the writable disk", because: "mke2fs is not there",
                cure: "Install e2fsprogs, or leave --writable out: memory will do.")
        }
        var words: [UInt8] = []
        while let more = program.output(waiting: -1) { words += more }
        guard program.wait() == .exited(0) else {
            throw Failure(
                .host, "cannot format the writable disk",
                because: String(decoding: words.prefix(500), as: UTF8.self).printable)
        }
    }
}
