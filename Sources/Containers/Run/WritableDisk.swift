import AgentProtocol
import Glibc
public import Host
import SystemPackage

/// The parsed `--writable` option.
struct WritableLayer {
    /// The smallest disk: an ext4 of this size has room for its own tables.
    private static let leastByteCount: UInt64 = 16 << 20
    private static let mostByteCount: UInt64 = 16 << 40

    let layer: ContainerSpecification.Writable
    let diskByteCount: UInt64?

    init(_ text: String?) throws(Failure) {
        switch text {
        case nil, "memory": (layer, diskByteCount) = (.memory(byteLimit: 0), nil)
        case "none": (layer, diskByteCount) = (.none, nil)
        case let text?: (layer, diskByteCount) = (.disk, try Self.size(text))
        }
    }

    private static func size(_ text: String) throws(Failure) -> UInt64 {
        let cure = "Write a size such as 10G for a disk, memory, or none."
        guard let byteCount = Quantity.byteCount(text) else {
            throw .invalid(text, for: "--writable", because: "not a size", cure: cure)
        }
        guard (leastByteCount...mostByteCount).contains(byteCount) else {
            throw .invalid(text, for: "--writable", because: "a disk must have 16M to 16T", cure: cure)
        }
        return byteCount & ~4095
    }
}

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
            let file = try Files.createUnnamed(in: directory)
            _ = try hostCall { ftruncate(file.rawValue, off_t(byteCount)) }
            return file
        } catch {
            throw Failure(
                "cannot make a writable disk in \(directory)", errno: error,
                cure: "Set VMM_STORE to a directory with free space, or omit --writable to write to memory.")
        }
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
