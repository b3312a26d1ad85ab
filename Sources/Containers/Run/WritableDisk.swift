import Glibc
public import Host
import SystemPackage

/// The disk of a container's writable layer: a sparse file without a name. No other process can find it, and
/// the kernel frees it with its last descriptor, however the monitor ends.
public struct WritableDisk: ~Copyable, Sendable {
    private let file: OwnedDescriptor

    /// The path by which this process can open the disk.
    public var path: String { "/proc/self/fd/\(file.rawValue)" }

    /// Makes a file of `byteCount` bytes in `directory`, with an empty ext4 file system. At first it occupies
    /// little more than the file system's tables; it grows as the guest writes.
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
                cure: "Set VMM_STORE to a directory with free space, or omit --writable to write to memory.")
        }
    }

    /// O_TMPFILE, which glibc declares only with _GNU_SOURCE.
    private static let temporary: Int32 = 0o20_000_000 | O_DIRECTORY

    /// Opens a file without a name. If the file system does not support O_TMPFILE, creates a file with a
    /// random name and removes the name.
    private static func open(in directory: String) throws(Errno) -> OwnedDescriptor {
        do throws(Errno) {
            return OwnedDescriptor(
                owning: try hostCall { unsafe Glibc.open(directory, temporary | O_RDWR | O_CLOEXEC, 0o600) })
        } catch {
            // open(2) returns one of these errors if O_TMPFILE is not supported.
            guard [.notSupported, .isDirectory, .noSuchFileOrDirectory].contains(error) else { throw error }
        }
        let path = "\(directory)/writable-\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let file = try Files.create(path)
        try Files.remove(path)
        return file
    }

    /// Formats `file` with mke2fs, as fast as possible: the guest initializes the inode tables later, and a
    /// file system that ends with its container needs no journal.
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
                .unavailable, "cannot format the writable disk", because: "mke2fs is not installed",
                cure: "Install e2fsprogs, or omit --writable to write to memory.")
        }
        var output: [UInt8] = []
        while let more = program.output(waiting: -1) { output += more }
        guard program.wait() == .exited(0) else {
            throw Failure(
                .host, "cannot format the writable disk",
                because: String(decoding: output.prefix(500), as: UTF8.self).printable)
        }
    }
}
