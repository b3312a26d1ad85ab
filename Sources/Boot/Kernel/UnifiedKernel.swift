import GuestMemory
import Host
import Layout

/// The parts of a unified kernel image, in which distributions ship a kernel: an EFI program whose sections
/// hold the kernel and its initramfs, microcode and command line (UAPI Group, "Unified Kernel Image";
/// Microsoft, "PE Format"). Loading does the work of the image's boot stub on EFI.
struct UnifiedKernel: ~Copyable {
    /// The section .linux.
    let kernel: InputFile
    /// The sections .ucode and .initrd, in the order that a kernel requires. They come before the user's own
    /// archives.
    var microcode: InputFile?
    var initramfs: InputFile?
    /// The section .cmdline.
    let commandLine: String?

    /// Opens the parts of `file`. Returns nil if `file` is not an EFI program, or has no kernel in it.
    static func parts(
        of file: borrowing InputFile, prefix: ImageBytes
    ) throws(Failure) -> UnifiedKernel? {
        guard let sections = try PESections(file, prefix: prefix), let linux = sections.first(".linux") else {
            return nil
        }
        guard linux.byteCount > 0 else { throw file.refused("its section .linux is empty") }
        return UnifiedKernel(
            kernel: try file.section(".linux", at: linux.offset, byteCount: linux.byteCount),
            microcode: try archive(".ucode", of: file, sections),
            initramfs: try archive(".initrd", of: file, sections), commandLine: try text(of: file, sections))
    }

    private static func archive(
        _ name: String, of file: borrowing InputFile, _ sections: PESections
    ) throws(Failure) -> InputFile? {
        guard let section = sections.first(name), section.byteCount > 0 else { return nil }
        return try file.section(name, at: section.offset, byteCount: section.byteCount)
    }

    /// Reads the command line as the stub passes it on: it ends at a zero byte, and control characters become
    /// blanks. Leading and trailing blanks are removed.
    private static func text(
        of file: borrowing InputFile, _ sections: PESections
    ) throws(Failure) -> String? {
        guard let section = sections.first(".cmdline"), section.byteCount > 0 else { return nil }
        guard section.byteCount <= Layout.commandLineRoom else {
            throw file.refused("its command line has \(section.byteCount) bytes")
        }
        let part = try file.section(".cmdline", at: section.offset, byteCount: section.byteCount)
        let bytes = try part.bytes(at: 0, byteCount: Int(section.byteCount)).bytes.prefix { $0 != 0 }
        let blank = UInt8(ascii: " ")
        let printable = bytes.map { $0 < blank ? blank : $0 }
        let trimmed = printable.drop { $0 == blank }.reversed().drop { $0 == blank }.reversed()
        return trimmed.isEmpty ? nil : String(decoding: trimmed, as: UTF8.self)
    }
}

/// The sections of a PE file that are used: those of its first profile, and those of the base that the
/// profile lacks.
struct PESections {
    struct Section: Equatable {
        let name: [UInt8]
        let offset: UInt64
        let byteCount: UInt64
    }

    /// The largest number of sections; a unified kernel has some ten.
    private static let limit = 256
    private static let headerByteCount: UInt64 = 24
    private static let sectionByteCount: UInt64 = 40

    private var base: [Section] = []
    private var profile: [Section] = []

    /// Reads the section table of `file`; returns nil if `file` is not a PE file.
    init?(_ file: borrowing InputFile, prefix: ImageBytes) throws(Failure) {
        guard prefix.has("MZ"), let start = prefix.load(UInt32.self, at: 0x3C) else { return nil }
        let header = try file.bytes(at: UInt64(start), byteCount: Int(Self.headerByteCount))
        // The signature "PE\0\0", and a COFF header of 20 bytes.
        guard header.has("PE\0\0"), let count = header.load(UInt16.self, at: 6),
            let optionalByteCount = header.load(UInt16.self, at: 20)
        else { return nil }
        guard count <= Self.limit else { throw file.refused("it has \(count) sections") }
        // No overflow: the numbers have 32 bits and 16 bits.
        let table = try file.bytes(
            at: UInt64(start) &+ Self.headerByteCount &+ UInt64(optionalByteCount),
            byteCount: Int(count) * Int(Self.sectionByteCount))
        sort((0..<UInt64(count)).compactMap { Section(table, at: $0 * Self.sectionByteCount) })
    }

    /// Assigns the sections. Each section .profile begins a profile, of which the first is booted. The
    /// sections before it are the base of all profiles.
    private mutating func sort(_ sections: [Section]) {
        var profileCount = 0
        for section in sections {
            if section.isCalled(".profile") { profileCount += 1 }
            if profileCount == 0 { base.append(section) }
            if profileCount == 1 { profile.append(section) }
        }
    }

    /// Returns the section `name`, which has at most eight characters.
    func first(_ name: String) -> Section? {
        profile.first { $0.isCalled(name) } ?? base.first { $0.isCalled(name) }
    }
}

extension PESections.Section {
    /// Reads the header at `start` of a table; returns nil if the table ends before it.
    fileprivate init?(_ table: ImageBytes, at start: UInt64) {
        guard let name = table.slice(at: start, byteCount: 8),
            let size = table.load(UInt32.self, at: start + 8),
            let rawSize = table.load(UInt32.self, at: start + 16),
            let offset = table.load(UInt32.self, at: start + 20)
        else { return nil }
        self.name = Array(name.bytes.prefix { $0 != 0 })
        self.offset = UInt64(offset)
        // In the file, a section is padded to a multiple of the file's alignment.
        byteCount = UInt64(size == 0 ? rawSize : min(size, rawSize))
    }

    fileprivate func isCalled(_ other: String) -> Bool { name.elementsEqual(other.utf8) }
}
