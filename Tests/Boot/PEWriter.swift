/// Writes EFI programs with sections, right or wrong in every field (Microsoft, "PE Format").
struct PEWriter {
    struct Section {
        var name: String
        var content: [UInt8]
        /// In memory; nil stands for the content's.
        var size: UInt32?
        /// In the file; nil stands for the content's, rounded up to 512.
        var rawSize: UInt32?
        var offset: UInt32?
    }

    var sections: [Section] = []
    var headerOffset: UInt32 = 0x78
    var optionalByteCount: UInt16 = 240
    var sectionCount: UInt16?

    mutating func add(_ name: String, _ content: [UInt8]) {
        sections.append(Section(name: name, content: content))
    }

    mutating func add(_ name: String, _ content: String) {
        add(name, Array(content.utf8))
    }

    var bytes: [UInt8] {
        var file = Array("MZ".utf8) + [UInt8](repeating: 0, count: 0x3A) + little(headerOffset)
        file += [UInt8](repeating: 0, count: 0x78 - file.count)
        file += Array("PE\0\0".utf8) + little(UInt16(0x8664))
        file += little(sectionCount ?? UInt16(sections.count)) + [UInt8](repeating: 0, count: 12)
        file += little(optionalByteCount) + little(UInt16(0x22E))
        file += little(UInt16(0x20B)) + [UInt8](repeating: 0, count: 238)
        var place = (UInt32(file.count + 40 * sections.count) + 511) & ~511
        var contents: [UInt8] = []
        for section in sections {
            let rawSize = (UInt32(section.content.count) + 511) & ~511
            file +=
                Array(section.name.utf8.prefix(8))
                + [UInt8](repeating: 0, count: max(0, 8 - section.name.utf8.count))
            file += little(section.size ?? UInt32(section.content.count)) + little(UInt32(0x1000))
            file += little(section.rawSize ?? rawSize) + little(section.offset ?? place)
            file += [UInt8](repeating: 0, count: 16)
            contents += section.content + [UInt8](repeating: 0, count: Int(rawSize) - section.content.count)
            place += rawSize
        }
        file += [UInt8](repeating: 0, count: (512 - file.count % 512) % 512)
        return file + contents
    }
}
