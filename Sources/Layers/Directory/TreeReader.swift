import Glibc
import Host
import SystemPackage

/// A reader that turns files into entries of a layer.
struct TreeReader: ~Copyable {
    private struct Identity: Hashable {
        let device: dev_t
        let inode: ino_t
    }

    /// The first names of files that have several.
    private var firstNames: [Identity: LayerPath] = [:]
    private var content = TreeContent()
    private let attributes = TreeAttributes()

    mutating func pass(_ file: TreeFile, into sink: inout some LayerSink) throws(Failure) {
        if let first = firstName(of: file) { return try sink.add(entry(file, .hardLink(to: first))) }
        guard file.type == S_IFREG else { return try sink.add(entry(file, kind(of: file))) }
        let descriptor = try open(file)
        let byteCount = try size(descriptor, file)
        try sink.add(entry(file, .file(byteCount: byteCount)))
        try content.pass(descriptor, byteCount, file, into: &sink)
    }

    /// Returns the earlier name of a file; nil if there was none.
    private mutating func firstName(of file: TreeFile) -> LayerPath? {
        guard file.status.st_nlink > 1, file.type != S_IFDIR else { return nil }
        let identity = Identity(device: file.status.st_dev, inode: file.status.st_ino)
        if let first = firstNames[identity] { return first }
        firstNames[identity] = file.path
        return nil
    }

    private func entry(_ file: TreeFile, _ kind: LayerEntry.Kind) throws(Failure) -> LayerEntry {
        let status = file.status
        var entry = LayerEntry(
            path: file.path, kind: kind, permissions: UInt16(truncatingIfNeeded: status.st_mode & 0o7777),
            userID: status.st_uid, groupID: status.st_gid, seconds: Int64(status.st_mtim.tv_sec),
            nanoseconds: UInt32(truncatingIfNeeded: status.st_mtim.tv_nsec))
        entry.attributes = try attributes.read(file)
        return entry
    }

    private func kind(of file: TreeFile) throws(Failure) -> LayerEntry.Kind {
        let (major, minor) = Self.numbers(of: file.status.st_rdev)
        return switch file.type {
        case S_IFDIR: .directory
        case S_IFLNK: .symbolicLink(target: try target(of: file))
        case S_IFCHR: .characterDevice(major: major, minor: minor)
        case S_IFBLK: .blockDevice(major: major, minor: minor)
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        default: throw file.failure(because: "it is a file of an unknown type")
        }
    }

    /// Decodes the C library's device numbers, whose macros Swift does not import (sys/sysmacros.h).
    private static func numbers(of device: dev_t) -> (major: UInt32, minor: UInt32) {
        let number = UInt64(device)
        return (
            UInt32(truncatingIfNeeded: number >> 8 & 0xFFF | number >> 32 & 0xFFFF_F000),
            UInt32(truncatingIfNeeded: number & 0xFF | number >> 12 & 0xFFFF_FF00)
        )
    }

    private func target(of file: TreeFile) throws(Failure) -> [UInt8] {
        // PATH_MAX.
        let buffer = ByteBuffer(byteCount: 4096)
        let count = unsafe file.name.with { name in
            unsafe readlinkat(
                file.directory, name, buffer.bytes.baseAddress!.assumingMemoryBound(to: CChar.self), 4096)
        }
        guard count >= 0 else { throw file.failure(.current) }
        return unsafe Array(buffer.prefix(count))
    }

    private func open(_ file: TreeFile) throws(Failure) -> OwnedDescriptor {
        do throws(Errno) {
            // O_NONBLOCK: a FIFO that has replaced the file must not block the open.
            let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
            return OwnedDescriptor(
                owning: try hostCall { unsafe file.name.with { unsafe openat(file.directory, $0, flags) } })
        } catch {
            throw file.failure(error)
        }
    }

    /// Returns the size of the opened file, which must be the file that the walk reached.
    private func size(
        _ descriptor: borrowing OwnedDescriptor, _ file: TreeFile
    ) throws(Failure) -> UInt64 {
        var status = stat()
        guard unsafe fstat(descriptor.rawValue, &status) == 0 else { throw file.failure(.current) }
        guard status.st_ino == file.status.st_ino, status.st_mode & S_IFMT == S_IFREG else {
            throw file.failure(because: "it was replaced while it was read")
        }
        return UInt64(clamping: status.st_size)
    }
}
