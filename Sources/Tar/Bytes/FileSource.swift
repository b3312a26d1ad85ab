import Glibc
public import Host
import Layers
import SystemPackage

/// The bytes of a file or of a part of it; a member of an archive is read in place. Reading does not use or
/// change the file's position, so any number of sources can read one file.
public struct FileSource: ByteSource, ~Copyable {
    public let complaint: String
    private let file: OwnedDescriptor
    private var offset: UInt64
    private let end: UInt64
    private let buffer = ByteBuffer()

    /// Opens the file at `path`. `role` is its purpose, for messages ("layer").
    public init(opening path: String, as role: String) throws(Failure) {
        let complaint = "cannot read the \(role) \(path)"
        let file: OwnedDescriptor
        do throws(Errno) {
            // O_NONBLOCK: a FIFO without a writer must not block the open. A regular file ignores the flag.
            file = try OwnedDescriptor(opening: path, for: .reading, flags: O_NONBLOCK)
        } catch {
            throw Failure(complaint, errno: error)
        }
        let byteCount = try Self.size(of: file.rawValue, complaint)
        self.init(file, offset: 0, end: byteCount, complaint)
    }

    /// Opens the file `name` of the directory `directory`. A link out of the directory is a failure: whoever
    /// made the directory must not choose among the user's other files.
    public init(opening name: String, beneath directory: String, as role: String) throws(Failure) {
        let complaint = "cannot read the \(role) \(directory)/\(name)"
        let file: OwnedDescriptor
        do throws(Errno) {
            file = try OwnedDescriptor(opening: name, beneath: directory, flags: O_NONBLOCK)
        } catch {
            guard error == .improperLink else { throw Failure(complaint, errno: error) }
            throw Failure(.badInput, complaint, because: "a link leads out of \(directory)")
        }
        let byteCount = try Self.size(of: file.rawValue, complaint)
        self.init(file, offset: 0, end: byteCount, complaint)
    }

    /// Reads `byteCount` bytes of `file` from `offset` on, or all bytes from there if `byteCount` is nil. The
    /// source has its own descriptor, so the caller may close `file` at once.
    public init(
        _ file: borrowing OwnedDescriptor, offset: UInt64 = 0, byteCount: UInt64? = nil,
        complaint: String
    ) throws(Failure) {
        let size = try Self.size(of: file.rawValue, complaint)
        let room = size >= offset ? size - offset : 0
        guard byteCount ?? 0 <= room else {
            throw Failure(.badInput, complaint, because: "the archive is truncated")
        }
        let copy = fcntl(file.rawValue, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Failure(complaint, errno: .current) }
        self.init(OwnedDescriptor(owning: copy), offset: offset, end: offset + (byteCount ?? room), complaint)
    }

    private init(_ file: consuming OwnedDescriptor, offset: UInt64, end: UInt64, _ complaint: String) {
        self.file = file
        self.offset = offset
        self.end = end
        self.complaint = complaint
    }

    private static func size(of descriptor: Int32, _ complaint: String) throws(Failure) -> UInt64 {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw Failure(complaint, errno: .current) }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return UInt64(clamping: status.st_size)
        case S_IFDIR: throw Failure(.badInput, complaint, because: "it is a directory")
        default: throw Failure(.badInput, complaint, because: "it is not a regular file")
        }
    }

    /// Returns a source of a part of the bytes, whatever has been read of them.
    func part(from offset: UInt64, byteCount: UInt64, complaint: String) throws(Failure) -> FileSource {
        try FileSource(file, offset: offset, byteCount: byteCount, complaint: complaint)
    }

    /// The number of bytes left.
    public var byteCount: UInt64 { end - offset }

    public mutating func next() throws(Failure) -> UnsafeRawBufferPointer {
        let wanted = unsafe min(byteCount, UInt64(buffer.bytes.count))
        guard wanted > 0, let start = off_t(exactly: offset) else { return unsafe buffer.prefix(0) }
        let count: Int
        do throws(Errno) {
            count = try hostCall { unsafe pread(file.rawValue, buffer.bytes.baseAddress, Int(wanted), start) }
        } catch {
            throw Failure(complaint, errno: error)
        }
        guard count > 0 else { throw refused("the file was truncated while it was read") }
        offset += UInt64(count)
        return unsafe buffer.prefix(count)
    }

    public mutating func skip(_ byteCount: UInt64) throws(Failure) -> UInt64 {
        let count = min(byteCount, self.byteCount)
        offset += count
        return count
    }
}
