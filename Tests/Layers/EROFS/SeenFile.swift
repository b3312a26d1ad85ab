import Foundation
import Host

@testable import EROFS
@testable import Layers

/// What a program sees of a file, however it got there.
struct SeenFile: Hashable {
    /// st_mode.
    var mode: UInt16
    var userID: UInt32 = 0
    var groupID: UInt32 = 0
    var seconds: Int64 = 0
    var nanoseconds: UInt32 = 0
    /// Of a regular file.
    var content: SeenContent?
    var target: [UInt8]?
    var device: [UInt32]?
    var attributes: [ExtendedAttribute] = []
    /// All names of the file, in order, where it has several.
    var names: [String] = []
    /// Of anything but a directory.
    var linkCount: UInt32 = 1
}

/// Content, however large: its size and a digest, to which pieces of zeroes add nothing.
struct SeenContent: Hashable {
    private static let pieceByteCount = 4096

    private(set) var byteCount: UInt64 = 0
    private var digest: Int = 0
    /// The bytes since the last full piece.
    private var piece: [UInt8] = []

    init() {}

    init(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe append($0) }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        var rest = unsafe bytes[...]
        while unsafe !rest.isEmpty {
            let part = unsafe rest.prefix(Self.pieceByteCount - piece.count)
            unsafe piece.append(contentsOf: part)
            unsafe rest = rest.dropFirst(part.count)
            byteCount += unsafe UInt64(part.count)
            if piece.count == Self.pieceByteCount { endPiece() }
        }
    }

    mutating func append(zeroes count: UInt64) {
        let head = min(count, UInt64((Self.pieceByteCount - piece.count) % Self.pieceByteCount))
        let tail = (count - head) % UInt64(Self.pieceByteCount)
        piece.append(contentsOf: repeatElement(0, count: Int(head)))
        byteCount += head
        if piece.count == Self.pieceByteCount { endPiece() }
        piece.append(contentsOf: repeatElement(0, count: Int(tail)))
        byteCount += count - head
    }

    private mutating func endPiece() {
        var hasher = Hasher()
        hasher.combine((byteCount - 1) / UInt64(Self.pieceByteCount))
        unsafe piece.withUnsafeBytes {
            unsafe hasher.combine(bytes: $0)
            if unsafe !$0.isZero { digest &+= hasher.finalize() }
        }
        piece = []
    }
}

/// A tree, by paths with a `/` before each name; the root's is empty.
typealias SeenTree = [String: SeenFile]

extension SeenTree {
    /// Fills in `names` from what tells files with several names apart.
    mutating func join(_ groups: some Sequence<[String]>) {
        for group in groups where group.count > 1 {
            for name in group { self[name]?.names = group.sorted() }
        }
    }

    /// The first few paths on which two trees differ, for a message.
    func differences(from other: SeenTree, limit: Int = 5) -> [String] {
        let paths = Set(keys).union(other.keys).filter { self[$0] != other[$0] }.sorted()
        return paths.prefix(limit).map { path in
            "\(path): \(self[path].map { "\($0)" } ?? "nothing") instead of \(other[path].map { "\($0)" } ?? "nothing")"
        }
    }
}

extension ErofsReader {
    /// Everything that the image has.
    func seen() throws -> SeenTree {
        var tree: SeenTree = [:]
        var inodes: [UInt64: [String]] = [:]
        try walk { (entry, pieces) throws(Failure) in
            let path = String(decoding: entry.path, as: UTF8.self)
            var file = SeenFile(
                mode: entry.mode, userID: entry.userID, groupID: entry.groupID, seconds: entry.seconds,
                nanoseconds: entry.nanoseconds, target: entry.target)
            file.attributes = entry.attributes.sorted { $0.name.lexicographicallyPrecedes($1.name) }
            switch FileType(mode: entry.mode) {
            case .regular: file.content = try pieces.seen()
            case .characterDevice, .blockDevice: file.device = [entry.major, entry.minor]
            default: break
            }
            if FileType(mode: entry.mode) != .directory {
                file.linkCount = entry.linkCount
                inodes[entry.inodeNumber, default: []].append(path)
            }
            tree[path] = file
        }
        tree.join(inodes.values)
        return tree
    }
}

extension ErofsReader.Pieces {
    func seen() throws(Failure) -> SeenContent {
        var content = SeenContent()
        try read { (piece) throws(Failure) in
            switch piece {
            case .bytes(let raw): unsafe content.append(raw)
            case .hole(let byteCount): content.append(zeroes: byteCount)
            }
        }
        return content
    }
}
