import CHost
import Foundation
import TestSupport
import Testing

@testable import Layers

/// A directory of the host, as any program sees it.
enum HostTree {
    static func seen(at root: String) throws -> SeenTree {
        var tree: SeenTree = [:]
        var inodes: [ino_t: [String]] = [:]
        var waiting = [""]
        while let path = waiting.popLast() {
            var status = stat()
            guard unsafe lstat(root + path, &status) == 0 else { throw POSIXError(.init(rawValue: errno)!) }
            tree[path] = try file(root + path, status)
            if status.st_mode & S_IFMT == S_IFDIR {
                waiting += try names(in: root + path).map { path + "/" + $0 }
            } else {
                inodes[status.st_ino, default: []].append(path)
            }
        }
        tree.join(inodes.values)
        return tree
    }

    private static func names(in path: String) throws -> [String] {
        guard let directory = unsafe opendir(path) else { throw POSIXError(.init(rawValue: errno)!) }
        defer { unsafe closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(directory) else { break }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
                unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw POSIXError(.init(rawValue: errno)!) }
        return names
    }

    private static func file(_ path: String, _ status: stat) throws -> SeenFile {
        var file = SeenFile(
            mode: UInt16(status.st_mode), userID: status.st_uid, groupID: status.st_gid,
            seconds: Int64(status.st_mtim.tv_sec), nanoseconds: UInt32(status.st_mtim.tv_nsec))
        file.attributes = try attributes(path, status)
        switch status.st_mode & S_IFMT {
        case S_IFREG: file.content = try content(path)
        case S_IFLNK: file.target = try target(path)
        case S_IFCHR, S_IFBLK:
            let device = UInt64(status.st_rdev)
            // glibc's own packing (gnu_dev_major): the guest's numbers have 12 and 20 bits.
            file.device = [UInt32(device >> 8 & 0xFFF), UInt32(device & 0xFF | device >> 12 & 0xFFF00)]
        default: break
        }
        if status.st_mode & S_IFMT != S_IFDIR { file.linkCount = UInt32(status.st_nlink) }
        return file
    }

    private static func target(_ path: String) throws -> [UInt8] {
        try unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            let result = unsafe buffer.withMemoryRebound(to: CChar.self) {
                unsafe readlink(path, $0.baseAddress!, 4096)
            }
            guard result >= 0 else { throw POSIXError(.init(rawValue: errno)!) }
            count = result
        }
    }

    /// Holes are skipped, so that a file of terabytes can be read.
    private static let seekData: Int32 = 3

    private static func content(_ path: String) throws -> SeenContent {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno)!) }
        defer { close(descriptor) }
        var content = SeenContent()
        let end = lseek(descriptor, 0, SEEK_END)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while content.byteCount < UInt64(end) {
            let data = lseek(descriptor, off_t(content.byteCount), seekData)
            // ENXIO: the rest is a hole.
            guard data >= 0 || errno == ENXIO else { throw POSIXError(.init(rawValue: errno)!) }
            content.append(zeroes: UInt64(data < 0 ? end : data) - content.byteCount)
            let count = unsafe pread(descriptor, &buffer, buffer.count, off_t(content.byteCount))
            guard count >= 0 else { throw POSIXError(.init(rawValue: errno)!) }
            guard count > 0 || data < 0 else { throw CocoaError(.fileReadCorruptFile) }
            unsafe buffer.withUnsafeBytes {
                unsafe content.append(UnsafeRawBufferPointer(rebasing: $0[..<count]))
            }
        }
        return content
    }

    private static func attributes(_ path: String, _ status: stat) throws -> [ExtendedAttribute] {
        var list = [CChar](repeating: 0, count: 65536)
        let count = unsafe llistxattr(path, &list, list.count)
        guard count >= 0 else { throw POSIXError(.init(rawValue: errno)!) }
        // The kernel lists attributes of `user.` for every file, and refuses to read those of other files
        // than regular ones and directories.
        let isPlain = [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
        let names = list.prefix(count).split(separator: 0).map { $0.map(UInt8.init(bitPattern:)) }
        let attributes = try names.compactMap { name -> ExtendedAttribute? in
            if !isPlain, name.starts(with: "user.".utf8) { return nil }
            var value = [UInt8](repeating: 0, count: 65536)
            let text = name.map(CChar.init(bitPattern:)) + [0]
            let count = unsafe lgetxattr(path, text, &value, value.count)
            guard count >= 0 else { throw POSIXError(.init(rawValue: errno)!) }
            return ExtendedAttribute(name: name, value: Array(value.prefix(count)))
        }
        return attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
    }
}

/// An EROFS image mounted by this host's kernel, for as long as this lives.
final class MountedImage {
    let path: String
    private let image: TemporaryFile

    /// Everything that the kernel shows of an image.
    static func seen(_ image: TemporaryFile) throws -> SeenTree {
        let mounted = try MountedImage(image)
        return try withExtendedLifetime(mounted) { try HostTree.seen(at: mounted.path) }
    }

    init(_ image: TemporaryFile) throws {
        self.image = image
        path = NSTemporaryDirectory() + "vmm-mount-\(UUID().uuidString)"
        guard unsafe mkdir(path, 0o700) == 0 else { throw POSIXError(.init(rawValue: errno)!) }
        let run = try ProgramRun(["mount", "-t", "erofs", "-o", "ro,loop", image.path, path])
        guard run.status == 0 else { throw MountRefused(why: run.error) }
    }

    deinit {
        unsafe umount2(path, Int32(MNT_DETACH))
        unsafe rmdir(path)
    }

    struct MountRefused: Error {
        let why: String
    }

    /// Whether this host mounts images.
    fileprivate static let isPossible: Bool = {
        guard let image = try? TestLayer().write().file else { return false }
        return (try? MountedImage(image)) != nil
    }()
}

extension Trait where Self == ConditionTrait {
    /// A test that has the kernel mount what we write.
    static var mountsImages: Self {
        .enabled(if: MountedImage.isPossible, "mounting EROFS takes root, loop devices and the file system")
    }
}
