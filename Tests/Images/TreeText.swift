import CHost
import Foundation
import Host
import Images
import Layers
import Testing

@testable import Containers
@testable import EROFS

/// All files of a tree, one line each with all that a program could see of it: two trees with the same lines
/// are the same.
enum TreeText {
    /// Of the image that `files` are.
    static func lines(ofImage files: [String]) throws -> [String] {
        var tree: [(path: String, inode: UInt64, text: String)] = []
        try ErofsReader(files: files).walk { (entry, pieces) throws(Failure) in
            var text = line(
                mode: UInt32(entry.mode), entry.userID, entry.groupID, entry.seconds, entry.byteCount,
                device: (entry.major, entry.minor), target: entry.target ?? [],
                attributes: entry.attributes.map { ($0.name, $0.value) })
            if UInt32(entry.mode) & S_IFMT == S_IFREG {
                var hash = SHA256()
                try pieces.read { (piece) throws(Failure) in
                    switch piece {
                    case .bytes(let bytes): unsafe hash.update(bytes)
                    case .hole(let byteCount): hash.update([UInt8](repeating: 0, count: Int(byteCount)))
                    }
                }
                text += " \(hash.digest.short)"
            }
            tree.append((String(decoding: entry.path, as: UTF8.self), entry.inodeNumber, text))
        }
        return withLinks(tree)
    }

    /// Of the directory at `root` on the host.
    static func lines(ofDirectory root: String) throws -> [String] {
        var tree: [(path: String, inode: UInt64, text: String)] = []
        for path in [""] + (FileManager.default.subpaths(atPath: root) ?? []).map({ "/" + $0 }) {
            let file = root + path
            var status = stat()
            try #require(unsafe lstat(file, &status) == 0, "\(file)")
            let type = status.st_mode & S_IFMT
            var target: [UInt8] = []
            if type == S_IFLNK {
                target = Array(try FileManager.default.destinationOfSymbolicLink(atPath: file).utf8)
            }
            var text = line(
                mode: status.st_mode, status.st_uid, status.st_gid, Int64(status.st_mtim.tv_sec),
                UInt64(status.st_size),
                device: (UInt32(status.st_rdev >> 8 & 0xFFF), UInt32(status.st_rdev & 0xFF)),
                target: target, attributes: try attributes(of: file))
            if type == S_IFREG {
                text += " \(SHA256.digest(of: [UInt8](try Data(contentsOf: URL(filePath: file)))).short)"
            }
            tree.append((path, UInt64(status.st_ino), text))
        }
        return withLinks(tree)
    }

    private static func line(
        mode: UInt32, _ user: UInt32, _ group: UInt32, _ seconds: Int64, _ byteCount: UInt64,
        device: (UInt32, UInt32), target: [UInt8], attributes: [(name: [UInt8], value: [UInt8])]
    ) -> String {
        let type = mode & S_IFMT
        var text = "\(String(mode, radix: 8)) \(user):\(group) @\(seconds)"
        if type == S_IFREG { text += " \(byteCount) bytes" }
        if type == S_IFCHR || type == S_IFBLK { text += " \(device.0),\(device.1)" }
        if type == S_IFLNK { text += " -> \(String(decoding: target, as: UTF8.self))" }
        for attribute in attributes.map({ (String(decoding: $0.name, as: UTF8.self), $0.value) }).sorted(by: {
            $0.0 < $1.0
        }) {
            text += " \(attribute.0)=\(attribute.1)"
        }
        return text
    }

    /// Names of one file are told together.
    private static func withLinks(_ tree: [(path: String, inode: UInt64, text: String)]) -> [String] {
        let groups = Dictionary(grouping: tree, by: \.inode).mapValues { $0.map(\.path).sorted() }
        return tree.map { file in
            let names = groups[file.inode] ?? []
            return "\(file.path.isEmpty ? "/" : file.path) \(file.text)"
                + (names.count > 1 ? " = \(names[0])" : "")
        }.sorted()
    }

    private static func attributes(of file: String) throws -> [(name: [UInt8], value: [UInt8])] {
        var names = [UInt8](repeating: 0, count: 4096)
        let count = unsafe names.withUnsafeMutableBytes { bytes in
            unsafe llistxattr(file, bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
        }
        try #require(count >= 0)
        return try names.prefix(count).split(separator: 0).map { name in
            var value = [UInt8](repeating: 0, count: 4096)
            let size = unsafe value.withUnsafeMutableBytes { bytes in
                unsafe lgetxattr(file, String(decoding: name, as: UTF8.self), bytes.baseAddress, bytes.count)
            }
            try #require(size >= 0)
            return (Array(name), Array(value.prefix(size)))
        }
    }
}
