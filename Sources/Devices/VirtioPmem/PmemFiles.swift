import CHost
public import Host
import Synchronization
import SystemPackage

/// Files of the host as one run of memory, for a guest to read: each starts where the one before it ends, rounded up to
/// 4,096 bytes, and the whole is padded to 2 MiB. The padding is zero.
///
/// The memory is the host's page cache itself, shared by all machines that show the same file. No page is read before
/// the guest touches it.
public final class PmemFiles: Sendable {
    /// Where a file starts.
    public static let fileAlignment = 4096
    /// What Linux asks of persistent memory's start and size (memremap_compat_align), and what lets the host map it by
    /// huge pages.
    public static let alignment = 2 << 20

    public let memory: MappedRegion
    private let files: [PmemFile]

    /// Opens and maps the files, one at least. Each is regular, is not empty, and must stay as it is: where one is cut
    /// off, a guest that reads beyond its end cannot go on.
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

    /// Why a guest could not read a file any more, if one has become shorter.
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
    /// Where it lies from the start of the memory.
    let offset: Int
    private let byteCount: Int
    private let descriptor: OwnedDescriptor

    /// A physical address of x86-64 has 52 bits at the most (Intel SDM 3A, 4.1.4).
    private static let mostByteCount = 1 << 52 - PmemFiles.alignment

    init(_ path: String, offset: Int) throws(Failure) {
        let descriptor = try Self.open(path)
        byteCount = try Self.size(of: descriptor.rawValue, path, room: Self.mostByteCount - offset)
        self.path = path
        self.offset = offset
        self.descriptor = descriptor
    }

    /// The end of its last page.
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
            // Not to be held up by a FIFO before we know what it is.
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
    /// The multiple of `unit`, a power of two, that is not below this; both are far below the greatest number.
    fileprivate func roundedUp(to unit: Int) -> Int { (self + unit - 1) & ~(unit - 1) }
}
