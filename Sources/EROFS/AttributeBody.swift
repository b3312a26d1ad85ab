import Host
import Layers

/// The extended attributes behind an inode: struct erofs_xattr_ibody_header, then entries aligned to four
/// bytes.
enum AttributeBody {
    static let headerByteCount = 12
    static let entryHeaderByteCount = 4

    /// The prefixes that have a number (EROFS_XATTR_INDEX_...). The two of ACLs are complete names.
    private static let prefixes: [(index: UInt8, text: [UInt8])] = [
        (1, Array("user.".utf8)), (2, Array("system.posix_acl_access".utf8)),
        (3, Array("system.posix_acl_default".utf8)), (4, Array("trusted.".utf8)),
        (6, Array("security.".utf8)),
    ]

    /// Encodes the attributes. Returns the body, which is empty if there is no attribute to store, and the
    /// number of attributes whose names Linux does not know.
    static func encode(
        _ attributes: [ExtendedAttribute]
    ) throws(Damage) -> (bytes: [UInt8], skippedCount: UInt64) {
        guard !attributes.isEmpty else { return ([], 0) }
        var record = ByteWriter()
        record.append(zeroes: headerByteCount)
        var skippedCount: UInt64 = 0
        for attribute in attributes {
            guard let (index, rest) = split(attribute.name) else {
                skippedCount += 1
                continue
            }
            try append(index, rest, attribute.value, to: &record)
        }
        guard record.count > headerByteCount else { return ([], skippedCount) }
        guard inodeCount(of: record.count) != nil else {
            throw Damage("its extended attributes have more than 256 KiB")
        }
        return (record.bytes, skippedCount)
    }

    private static func append(
        _ index: UInt8, _ name: ArraySlice<UInt8>, _ value: [UInt8], to record: inout ByteWriter
    ) throws(Damage) {
        guard let nameByteCount = UInt8(exactly: name.count) else {
            throw Damage("an extended attribute's name has more than 255 bytes")
        }
        guard let valueByteCount = UInt16(exactly: value.count) else {
            throw Damage("an extended attribute has more than 65,535 bytes")
        }
        record.append(nameByteCount)
        record.append(index)
        record.append(valueByteCount)
        record.append(name)
        record.append(value)
        record.align(to: 4)
    }

    /// Splits an attribute's name into the number of its prefix and the rest.
    private static func split(_ name: [UInt8]) -> (index: UInt8, rest: ArraySlice<UInt8>)? {
        for (index, text) in prefixes where name.starts(with: text) {
            // The names of ACLs are complete; every other prefix needs a rest.
            guard (text.last == UInt8(ascii: ".")) == (name.count > text.count) else { continue }
            return (index, name[text.count...])
        }
        return nil
    }

    /// Returns i_xattr_icount for a body of `byteCount` bytes; nil if it has too many.
    static func inodeCount(of byteCount: Int) -> UInt16? {
        byteCount == 0 ? 0 : UInt16(exactly: (byteCount - headerByteCount) / 4 + 1)
    }

    /// Returns the size of a body (erofs_xattr_ibody_size).
    static func byteCount(inodeCount: UInt16) -> Int {
        inodeCount == 0 ? 0 : headerByteCount + 4 * (Int(inodeCount) - 1)
    }

    /// Decodes the attributes of a body. Refuses shared attributes, which images of this program do not have.
    static func decode(_ body: UnsafeRawBufferPointer) throws(Damage) -> [ExtendedAttribute] {
        guard unsafe !body.isEmpty else { return [] }
        guard unsafe body.number(UInt8.self, at: 4) == 0 else {
            throw Damage("shared extended attributes, which vmm does not write")
        }
        var attributes: [ExtendedAttribute] = []
        var offset = headerByteCount
        while offset < body.count {
            unsafe attributes.append(try entry(of: body, at: &offset))
        }
        return attributes
    }

    private static func entry(
        of body: UnsafeRawBufferPointer, at offset: inout Int
    ) throws(Damage) -> ExtendedAttribute {
        guard let nameByteCount = unsafe body.number(UInt8.self, at: offset).map(Int.init),
            let index = unsafe body.number(UInt8.self, at: offset + 1),
            let valueByteCount = unsafe body.number(UInt16.self, at: offset + 2).map(Int.init),
            let prefix = prefixes.first(where: { $0.index == index })
        else { throw Damage("an extended attribute without a name") }
        let start = offset + entryHeaderByteCount
        guard let name = unsafe body.slice(at: start, byteCount: nameByteCount),
            let value = unsafe body.slice(at: start + nameByteCount, byteCount: valueByteCount)
        else { throw Damage("an extended attribute that does not end") }
        offset = (start + nameByteCount + valueByteCount + 3) & ~3
        return unsafe ExtendedAttribute(name: prefix.text + name, value: Array(value))
    }
}

extension [ExtendedAttribute] {
    func value(of name: [UInt8]) -> [UInt8]? {
        first { $0.name == name }?.value
    }

    /// Whether one of the attributes is `name` with the value "y".
    func says(_ name: [UInt8]) -> Bool {
        value(of: name) == Erofs.Overlay.yes
    }

    /// The attributes that describe the file, without those that describe how layers are stacked.
    var withoutOverlay: Self {
        filter { !$0.name.starts(with: Erofs.Overlay.prefix) }
    }

    /// The attributes without duplicates: the last one of each name.
    var withoutDuplicates: Self {
        guard count > 1 else { return self }
        var seen: Set<[UInt8]> = []
        return reversed().filter { seen.insert($0.name).inserted }.reversed()
    }
}
