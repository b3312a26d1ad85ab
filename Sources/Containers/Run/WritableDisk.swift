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
        do throws(Errno) {
            let file = try open(in: directory)
            _ = try hostCall { ftruncate(file.rawValue, off_t(byteCount)) }
            return file
        } catch {
            throw Failure(
                "cannot make a writable disk in \(directory)", errno: error,
                cure: "Set VMM_STORE to a directory with room, or leave --writable out: memory will do.")
        }
    }

    /// O_TMPFILE, which the C library shows only to programs that ask for GNU's extensions.
    private static let temporary: Int32 = 0o20_000_000 | O_DIRECTORY

    /// Opens a file without a name; where the file system has none, one whose name nobody guesses, and takes that away.
    private static func open(in directory: String) throws(Errno) -> OwnedDescriptor {
        do throws(Errno) {
            return OwnedDescriptor(
                owning: try hostCall { unsafe Glibc.open(directory, temporary | O_RDWR | O_CLOEXEC, 0o600) })
        } catch {
            // What open(2) says where O_TMPFILE is not known.
            guard [.notSupported, .isDirectory, .noSuchFileOrDirectory].contains(error) else { throw error }
        }
        let path = "\(directory)/writable-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let file = try Files.create(path)
        try Files.remove(path)
        return file
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
