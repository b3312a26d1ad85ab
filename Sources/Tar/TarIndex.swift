public import Host
public import Layers

/// The index of an image's archive (`oci-archive`, `docker-archive`), whose files are read in place, in any
/// order. A compressed archive, or one from a pipe, is first unpacked into a file without a name.
public struct TarIndex: ~Copyable {
    private enum Member {
        case file(offset: UInt64, byteCount: UInt64)
        case link(to: LayerPath)
    }

    /// The limit on members. An image has a few hundred files.
    private static let memberLimit = 100_000
    /// The limit on the bytes of all names and link targets together. Each part of a path takes the memory of
    /// many bytes.
    private static let nameByteLimit = 4 << 20
    /// The limit on links to links; docker-archives have one.
    private static let linkLimit = 8

    private let file: FileSource
    private let path: String
    private let members: [LayerPath: Member]

    /// Opens the archive at `path`. A compressed archive, or one from a pipe, is unpacked to the file system
    /// of the directory `scratch` and charged to `budget`.
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
        // An empty file is a valid archive of a layer, but not of an image.
        guard file.byteCount > 0 else { throw file.refused("it is empty", cure: TarBlocks<FileSource>.cure) }
        var all = TarMembers(try file.part(from: 0, byteCount: file.byteCount, complaint: file.complaint))
        var members: [LayerPath: Member] = [:]
        var nameByteCount = 0
        while let member = try all.next() {
            guard let path = try? LayerPath(member.name) else { continue }
            // A later member replaces an earlier one of the same name.
            members[path] = kind(of: member, at: path)
            // The sums cannot overflow: a path has less than 4 KiB, and a header longer than 1 MiB is
            // refused.
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

    /// Returns the index entry of a member; nil if the member has no content that can be read in place.
    private static func kind(of member: TarMember, at path: LayerPath) -> Member? {
        switch member.type {
        case UInt8(ascii: "1"): (try? LayerPath(member.linkName)).map { .link(to: $0) }
        // Older docker-archives store a layer that occurs twice once, with a link: "../ID/layer.tar".
        case UInt8(ascii: "2"): path.parent.following(member.linkName).map { .link(to: $0) }
        case _ where TarMember.isFile(member.type) && member.sparse == nil:
            .file(offset: member.offset, byteCount: member.byteCount)
        default: nil
        }
    }

    /// The names of the files, including links, sorted by their bytes.
    public var names: [LayerPath] {
        members.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    }

    /// Whether the archive has a file of that name.
    public func has(_ name: String) -> Bool { find(name) != nil }

    /// Opens the file `name`. `role` is its purpose, for messages ("layer").
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
    /// Resolves the target of a symbolic link in this directory within the archive. Returns nil if the target
    /// is outside it.
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
