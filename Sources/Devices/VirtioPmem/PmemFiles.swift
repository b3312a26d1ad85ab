import CHost
public import Host
import Synchronization
import SystemPackage

/// Files of the host as one run of read-only memory for a guest. Each file starts at the end of the previous
/// one, rounded up to 4,096 bytes. The whole is padded to 2 MiB. The padding is zero.
///
/// The memory is the host's page cache itself, shared by all machines that map the same file. No page is read
/// before the guest accesses it.
public final class PmemFiles: Sendable {
    /// The alignment of each file's start.
    public static let fileAlignment = 4096
    /// The alignment that Linux requires of persistent memory's start and size (memremap_compat_align). It
    /// also lets the host map the memory with huge pages.
    public static let alignment = 2 << 20

    public let memory: MappedRegion
    private let files: [PmemFile]

    /// Opens and maps one file or more. Each must be regular and not empty, and must not change: if a file is
    /// cut off, a guest that reads beyond its end cannot go on.
    public init(_ paths: [String]) throws(Failure) {
        var files: [PmemFile] = []
        for path in paths { files.append(try PmemFile(path, offset: files.last?.end ?? 0)) }
        let byteCount = (files.last?.end ?? 0).roundedUp(to: Self.alignment)
        let memory = try MappedRegion(reading: byteCount, alignment: Self.alignment)
        for file in files { try file.map(over: memory) }
        self.files = files
        self.memory = memory
    }

    public var byteCount: Int { memory.byteCount }

    /// Returns the failure for a file that has become shorter, or nil if none has.
    public func shortened() -> Failure? {
        for file in files where file.isShortened {
            return Failure(
                .badInput, "cannot go on reading the persistent memory \(file.path)",
                because: "it has been cut off while the machine ran")
        }
        return nil
    }
}

/// One of the files.
private final class PmemFile: Sendable {
    let path: String
    /// The file's offset in the memory.
    let offset: Int
    private let byteCount: Int
    private let descriptor: OwnedDescriptor

    /// The largest size: a physical address of x86-64 has at most 52 bits (Intel SDM 3A, 4.1.4).
    private static let mostByteCount = 1 << 52 - PmemFiles.alignment

    init(_ path: String, offset: Int) throws(Failure) {
        let descriptor = try Self.open(path)
        byteCount = try Self.size(of: descriptor.rawValue, path, room: Self.mostByteCount - offset)
        self.path = path
        self.offset = offset
        self.descriptor = descriptor
    }

    /// The end of the file's last page.
    var end: Int { offset + byteCount.roundedUp(to: PmemFiles.fileAlignment) }

    var isShortened: Bool {
        var status = stat()
        return unsafe fstat(descriptor.rawValue, &status) == 0 && Int(status.st_size) < byteCount
    }

    func map(over memory: borrowing MappedRegion) throws(Failure) {
        do throws(Errno) {
            try memory.lay(descriptor.rawValue, byteCount: byteCount, at: offset)
        } catch {
            throw Failure("cannot map the persistent memory \(path)", errno: error)
        }
    }

    private static func open(_ path: String) throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            // O_NONBLOCK: opening a FIFO must not wait.
            return try OwnedDescriptor(opening: path, for: .reading, flags: O_NONBLOCK | O_NOCTTY)
        } catch {
            throw Failure("cannot open the persistent memory \(path)", errno: error)
        }
    }

    private static func size(of descriptor: Int32, _ path: String, room: Int) throws(Failure) -> Int {
        let complaint = "cannot use the persistent memory \(path)"
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Failure(complaint, errno: .current) }
        switch Int32(bitPattern: status.st_mode) & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw Failure(complaint, errno: .isDirectory)
        default: throw Failure(.badInput, complaint, because: "it is not a regular file")
        }
        guard status.st_size > 0 else { throw Failure(.badInput, complaint, because: "it is empty") }
        guard status.st_size <= room else {
            throw Failure(.badInput, complaint, because: "no CPU has addresses for so much memory")
        }
        return Int(status.st_size)
    }
}

extension Int {
    /// Returns the lowest multiple of `unit`, a power of two, that is at least this number. Both must be far
    /// below Int.max.
    fileprivate func roundedUp(to unit: Int) -> Int { (self + unit - 1) & ~(unit - 1) }
}
