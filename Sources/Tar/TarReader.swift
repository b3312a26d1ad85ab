public import Host
public import Layers

/// A reader for the archives of layers (OCI image 1.1, layer.md): tar in all its dialects, with whiteouts as
/// files called `.wh.NAME`.
///
/// It unpacks nothing onto the host: names become paths in the sink, so no link of the archive is ever
/// followed. It refuses names with `..`, and all constructs that other programs read differently.
public struct TarReader<Source: ByteSource & ~Copyable>: ~Copyable {
    private var members: TarMembers<Source>
    private var holes = HoleFinder()

    /// Reads the archive in `source`, which is not compressed.
    public init(_ source: consuming Source) {
        members = TarMembers(source)
    }

    /// The source of the archive.
    public var source: Source { _read { yield members.blocks.source } }

    /// Reads the whole archive, including the bytes behind its end.
    public mutating func read(into sink: inout some LayerSink) throws(Failure) {
        while let member = try members.next() {
            guard let entry = try entry(of: member) else { continue }
            try sink.add(entry)
            if case .file(let byteCount) = entry.kind { try passData(of: member, byteCount, into: &sink) }
        }
        try members.drain()
    }

    // MARK: entries

    /// Returns the entry for a member; nil if the member is to be ignored.
    private func entry(of member: TarMember) throws(Failure) -> LayerEntry? {
        let path = try path(member.name, of: member, "its name")
        switch AufsLeftover(path, isFile: TarMember.isFile(member.type)) {
        case .hidden: return nil
        case .linkTarget:
            var entry = LayerEntry(member, at: path, .file(byteCount: try size(of: member)))
            entry.isHidden = true
            return entry
        case nil: break
        }
        if let last = path.names.last, last.starts(with: Whiteout.prefix) {
            return try whiteout(path, last, member)
        }
        let kind = try kind(of: member, at: path)
        if case .directory = kind {
        } else if path == .root {
            throw refused(member, "the root is a directory")
        }
        return LayerEntry(member, at: path, kind)
    }

    private func whiteout(
        _ path: LayerPath, _ name: [UInt8], _ member: TarMember
    ) throws(Failure) -> LayerEntry? {
        switch Whiteout(name) {
        case .opaque: LayerEntry(member, at: path.parent, .opaque)
        case .file(let name): LayerEntry(member, at: path.parent.appending(name), .whiteout)
        case .foreign: nil
        case nil: throw refused(member, "its white-out names no file")
        }
    }

    private func kind(of member: TarMember, at path: LayerPath) throws(Failure) -> LayerEntry.Kind {
        switch member.type {
        // Archives from before there was a type for directories mark directories by a slash.
        case _ where TarMember.isFile(member.type) && member.name.last == UInt8(ascii: "/"): .directory
        case _ where TarMember.isFile(member.type), UInt8(ascii: "S"): .file(byteCount: try size(of: member))
        case UInt8(ascii: "1"): .hardLink(to: try linkTarget(of: member, at: path))
        case UInt8(ascii: "2"): .symbolicLink(target: try symbolicTarget(of: member))
        case UInt8(ascii: "3"): try device(member) { .characterDevice(major: $0, minor: $1) }
        case UInt8(ascii: "4"): try device(member) { .blockDevice(major: $0, minor: $1) }
        // D is a directory with a list of names, in GNU tar's incremental archives.
        case UInt8(ascii: "5"), UInt8(ascii: "D"): .directory
        case UInt8(ascii: "6"): .fifo
        default: throw refused(member, "its type \(PrintableBytes([member.type])) is unknown")
        }
    }

    private func size(of member: TarMember) throws(Failure) -> UInt64 {
        let byteCount = member.sparse?.fileByteCount ?? member.byteCount
        guard Int64(exactly: byteCount) != nil else { throw refused(member, "its size is out of range") }
        return byteCount
    }

    private func path(_ bytes: [UInt8], of member: TarMember, _ role: String) throws(Failure) -> LayerPath {
        do throws(LayerPathError) {
            return try LayerPath(bytes)
        } catch {
            throw refused(member, "\(role) is not a valid path in a layer: \(error)")
        }
    }

    private func linkTarget(of member: TarMember, at path: LayerPath) throws(Failure) -> LayerPath {
        let target = try self.path(member.linkName, of: member, "its target")
        guard target != path, target != .root else { throw refused(member, "it is a hard link to itself") }
        return target
    }

    /// Returns the target of a symbolic link, which may be any bytes: only the guest follows it, and there it
    /// cannot leave the container's root.
    private func symbolicTarget(of member: TarMember) throws(Failure) -> [UInt8] {
        guard (1...LayerPath.byteLimit).contains(member.linkName.count) else {
            throw refused(member, "its target is empty or longer than \(LayerPath.byteLimit) bytes")
        }
        return member.linkName
    }

    private func device(
        _ member: TarMember, _ kind: (UInt32, UInt32) -> LayerEntry.Kind
    ) throws(Failure) -> LayerEntry.Kind {
        // Linux: MINORBITS, and 32 bits in all.
        guard member.major < 1 << 12, member.minor < 1 << 20 else {
            throw refused(
                member, "its device number \(member.major):\(member.minor) is out of range for Linux")
        }
        return kind(member.major, member.minor)
    }

    // MARK: data

    private mutating func passData(
        of member: TarMember, _ byteCount: UInt64, into sink: inout some LayerSink
    ) throws(Failure) {
        guard let sparse = member.sparse else {
            return try pass(byteCount, at: 0, into: &sink)
        }
        // `SparseMap` has checked that the segments are in order and below the file's size.
        var end: UInt64 = 0
        for segment in sparse.segments {
            if segment.offset > end { try sink.appendHole(byteCount: segment.offset - end) }
            try pass(segment.byteCount, at: segment.offset, into: &sink)
            end = segment.offset + segment.byteCount
        }
        if byteCount > end { try sink.appendHole(byteCount: byteCount - end) }
    }

    private mutating func pass(
        _ byteCount: UInt64, at offset: UInt64, into sink: inout some LayerSink
    ) throws(Failure) {
        holes.start(at: offset)
        var left = byteCount
        while left > 0 {
            let piece = unsafe try members.nextData(upTo: left)
            unsafe try holes.pass(piece, into: &sink)
            left -= UInt64(piece.count)
        }
        try holes.finish(into: &sink)
    }

    private func refused(_ member: TarMember, _ why: String) -> Failure {
        members.blocks.refused("its file \(PrintableBytes(member.name)) is invalid: \(why)")
    }
}

extension LayerEntry {
    fileprivate init(_ member: TarMember, at path: LayerPath, _ kind: Kind) {
        self.init(
            path: path, kind: kind, permissions: member.permissions, userID: member.userID,
            groupID: member.groupID, seconds: member.seconds, nanoseconds: member.nanoseconds)
        attributes = member.attributes
    }
}
