public import Host
public import Layers

/// What is in an image's archive (`oci-archive`, `docker-archive`): its files are read where they lie, in any order. An
/// archive that is compressed is unpacked into a file without a name first, and so is one that comes through a pipe.
public struct TarIndex: ~Copyable {
    private enum Member {
        case file(offset: UInt64, byteCount: UInt64)
        case link(to: LayerPath)
    }

    /// An image has a few hundred files.
    private static let memberLimit = 100_000
    /// Of all their names together, and of what links lead to: each part of a path takes the memory of many bytes.
    private static let nameByteLimit = 4 << 20
    /// Links to links; docker-archives have one.
    private static let linkLimit = 8

    private let file: FileSource
    private let path: String
    private let members: [LayerPath: Member]

    /// Opens the archive at `path`. What a compressed one unpacks to, or comes through a pipe, goes to the file system of the
    /// directory `scratch` and comes out of `budget`.
    public init(
        opening path: String, scratch: String, budget: ImportBudget = ImportBudget()
    ) throws(Failure) {
        let role = "image archive"
        let scratch = ScratchPlace(directory: scratch, budget: budget)
        let file =
            StreamSource.isStream(path)
            ? try Self.copy(UnpackedSource(StreamSource(opening: path, as: role)), scratch)
            : try Self.unpacked(FileSource(opening: path, as: role), scratch)
        members = try Self.members(of: file)
        self.file = file
        self.path = path
    }

    private static func members(of file: borrowing FileSource) throws(Failure) -> [LayerPath: Member] {
        // As a layer nothing is an archive without files; but it is no image.
        guard file.byteCount > 0 else { throw file.refused("it is empty", cure: TarBlocks<FileSource>.cure) }
        var all = TarMembers(try file.part(from: 0, byteCount: file.byteCount, complaint: file.complaint))
        var members: [LayerPath: Member] = [:]
        var nameByteCount = 0
        while let member = try all.next() {
            guard let path = try? LayerPath(member.name) else { continue }
            // A name that comes again replaces the one before.
            members[path] = kind(of: member, at: path)
            // A path has less than 4 KiB, and a header that is longer than 1 MiB is refused.
            nameByteCount += member.name.count + member.linkName.count
            guard members.count <= memberLimit, nameByteCount <= nameByteLimit else {
                throw file.refused("it has too many files for an image")
            }
        }
        return members
    }

    private static func unpacked(
        _ source: consuming FileSource, _ scratch: ScratchPlace
    ) throws(Failure) -> FileSource {
        let complaint = source.complaint
        var peeked = PeekedSource(try source.part(from: 0, byteCount: source.byteCount, complaint: complaint))
        let magic = try peeked.prefix(Compression.magicByteCount)
        guard Compression(magic: magic) != nil else { return source }
        return try copy(UnpackedSource(peeked), scratch)
    }

    private static func copy<Source: ByteSource & ~Copyable>(
        _ source: consuming Source, _ scratch: ScratchPlace
    ) throws(Failure) -> FileSource {
        let complaint = source.complaint
        var file = try ScratchFile(in: scratch)
        while true {
            let piece = unsafe try source.next()
            if unsafe piece.isEmpty { break }
            unsafe try file.append(piece)
        }
        try file.finish()
        return try FileSource(file.descriptor, complaint: complaint)
    }

    /// Nil for what has no content that could be read where it lies.
    private static func kind(of member: TarMember, at path: LayerPath) -> Member? {
        switch member.type {
        case UInt8(ascii: "1"): (try? LayerPath(member.linkName)).map { .link(to: $0) }
        // Older docker-archives have one file for a layer that comes twice: "../ID/layer.tar".
        case UInt8(ascii: "2"): path.parent.following(member.linkName).map { .link(to: $0) }
        case _ where TarMember.isFile(member.type) && member.sparse == nil:
            .file(offset: member.offset, byteCount: member.byteCount)
        default: nil
        }
    }

    /// The names of the files, links included, in the order of their bytes.
    public var names: [LayerPath] {
        members.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Whether a file of that name is there.
    public func has(_ name: String) -> Bool { find(name) != nil }

    /// The bytes of the file `name`. `role` says what it should be ("layer").
    public func source(of name: String, as role: String) throws(Failure) -> FileSource {
        let complaint = "cannot read the \(role) \(PrintableBytes(Array(name.utf8))) in \(path)"
        guard let (offset, byteCount) = find(name) else {
            throw Failure(.badInput, complaint, because: "the archive has no such file")
        }
        return try file.part(from: offset, byteCount: byteCount, complaint: complaint)
    }

    private func find(_ name: String) -> (offset: UInt64, byteCount: UInt64)? {
        guard var path = try? LayerPath(name) else { return nil }
        for _ in 0...Self.linkLimit {
            switch members[path] {
            case nil: return nil
            case .file(let offset, let byteCount): return (offset, byteCount)
            case .link(let target): path = target
            }
        }
        return nil
    }
}

extension LayerPath {
    /// Where a symbolic link in this directory leads, when it is followed within an archive; nil where it leaves that.
    func following(_ target: [UInt8]) -> LayerPath? {
        var names = target.first == UInt8(ascii: "/") ? [] : names
        for name in target.split(separator: UInt8(ascii: "/")) {
            switch name {
            case _ where name.elementsEqual(".".utf8): continue
            case _ where name.elementsEqual("..".utf8): guard names.popLast() != nil else { return nil }
            default: names.append(Array(name))
            }
        }
        return LayerPath(trusting: names)
    }
}
