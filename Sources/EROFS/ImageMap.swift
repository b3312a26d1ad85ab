import Glibc
import Host
import SystemPackage

/// The files of an image, mapped one after another, each padded to whole blocks. No program changes a file of
/// the store, but its content is checked all the same: disks and people fail.
final class ImageMap: Sendable {
    private let files: [MappedFile]
    let byteCount: UInt64

    init(_ paths: [String]) throws(Failure) {
        var files: [MappedFile] = []
        var end: UInt64 = 0
        for path in paths {
            files.append(try MappedFile(path, start: end))
            end = files.last?.end ?? end
        }
        self.files = files
        byteCount = end
    }

    /// Returns `count` bytes from `offset` on, valid while the map lives; nil unless one file has them all.
    func bytes(at offset: UInt64, count: Int) -> UnsafeRawBufferPointer? {
        guard let file = file(at: offset), let start = Int(exactly: offset - file.start) else { return nil }
        return unsafe file.bytes.slice(at: start, byteCount: count)
    }

    /// Returns the bytes of a file from `offset` on: all that the file still has, and at most `count`.
    func bytes(at offset: UInt64, atMost count: Int) -> UnsafeRawBufferPointer? {
        guard let file = file(at: offset), let start = Int(exactly: offset - file.start) else { return nil }
        let rest = file.byteCount - start
        return unsafe rest > 0 ? file.bytes.slice(at: start, byteCount: min(count, rest)) : nil
    }

    /// Returns the name of the file at `offset`, for messages.
    func name(at offset: UInt64) -> String { file(at: offset)?.path ?? files.first?.path ?? "" }

    private func file(at offset: UInt64) -> MappedFile? {
        // An image has a few dozen files at most, and most reads are of the first.
        files.first { offset < $0.end && offset >= $0.start }
    }
}

/// A mapped file of an image.
///
/// Safe: `region` owns the mapping and lives as long as this object. `ImageMap` keeps the object, and its
/// callers keep the map, as long as they use bytes of it.
@safe
private final class MappedFile: Sendable {
    let path: String
    let start: UInt64
    let byteCount: Int
    private let region: MappedRegion

    init(_ path: String, start: UInt64) throws(Failure) {
        self.path = path
        self.start = start
        let complaint = "cannot use the image file \(path)"
        do throws(Errno) {
            let descriptor = try OwnedDescriptor(opening: path, for: .reading, flags: O_NONBLOCK)
            var status = stat()
            guard unsafe fstat(descriptor.rawValue, &status) == 0 else { throw .current }
            let isWhole = status.st_size > 0 && UInt64(status.st_size) % Erofs.blockByteCount == 0
            guard status.st_mode & S_IFMT == S_IFREG, isWhole else { throw .invalidArgument }
            byteCount = Int(status.st_size)
            region = try MappedRegion(
                descriptor: descriptor.rawValue, byteCount: byteCount, protection: PROT_READ,
                flags: MAP_SHARED | MAP_NORESERVE)
        } catch .invalidArgument {
            throw Failure(
                .badInput, complaint, because: "it is empty, or does not consist of whole blocks",
                cure: Self.cure)
        } catch {
            throw Failure(complaint, errno: error, cure: Self.cure)
        }
    }

    static let cure = "Remove the image from the store and import it again."

    /// The offset at which the next file begins.
    var end: UInt64 {
        start + (UInt64(byteCount) + Erofs.blockByteCount - 1) & ~(Erofs.blockByteCount - 1)
    }

    var bytes: UnsafeRawBufferPointer {
        unsafe UnsafeRawBufferPointer(start: region.base, count: byteCount)
    }
}
