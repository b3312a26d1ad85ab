import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

@Suite("MappedRegion")
struct MappedRegionTests {
    /// What /proc/self/maps says of the address, or nil where nothing is mapped.
    private func mapping(at address: UInt) throws -> String? {
        let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
        return maps.split(separator: "\n").map(String.init).first { line in
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            return range.count == 2 && (range[0]..<range[1]).contains(address)
        }
    }

    @Test(
        "guest RAM starts at a multiple of 2 MiB, reads as zero, and keeps what is written",
        arguments: [4096, 1 << 20, 3 << 20, 8 << 30])
    func guestRAM(byteCount: Int) throws {
        let region = try MappedRegion(guestRAM: byteCount)
        #expect(UInt(bitPattern: unsafe region.base) % (2 << 20) == 0)
        #expect(region.byteCount == byteCount)
        #expect(unsafe region.base.load(fromByteOffset: byteCount - 8, as: UInt64.self) == 0)
        unsafe region.base.storeBytes(of: 0x1122_3344, toByteOffset: byteCount - 8, as: UInt64.self)
        #expect(unsafe region.base.load(fromByteOffset: byteCount - 8, as: UInt64.self) == 0x1122_3344)
    }

    /// VmFlags of proc_pid_smaps(5) for the mapping that holds the address: `hg` may have huge pages, `nh`
    /// must not.
    private func flags(at address: UInt) throws -> [Substring] {
        // A file without a size is not read to its end by its name.
        let bytes = try #require(try FileHandle(forReadingAtPath: "/proc/self/smaps")?.readToEnd())
        var holds = false
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            let range = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            if range.count == 2 { holds = (range[0]..<range[1]).contains(address) }
            if holds, line.hasPrefix("VmFlags:") { return line.split(separator: " ") }
        }
        return []
    }

    @Test(
        "huge pages are allowed in the requested number of blocks at the end of guest RAM",
        arguments: [(8 << 20, 1), (8 << 20, 4), (8 << 20, 5), (4096, 1), ((4 << 20) + 4096, 1)])
    func hugePages(byteCount: Int, hugePageCount: Int) throws {
        let region = try MappedRegion(guestRAM: byteCount)
        let start = UInt(bitPattern: unsafe region.base)
        region.allowHugePages(last: hugePageCount)
        let hugeByteCount = min(hugePageCount, byteCount >> 21) << 21
        for offset in stride(from: 0, to: byteCount, by: 1 << 20) {
            let flags = try flags(at: start + UInt(offset))
            #expect(flags.contains("hg") == (offset >= byteCount - hugeByteCount), "\(offset): \(flags)")
        }
    }

    @Test("huge pages are allowed in exactly the 2 MiB blocks that are empty or nearly full")
    func whereTheyPay() throws {
        let region = try MappedRegion(guestRAM: (12 << 20) + 4096)
        for (piece, pages) in [(1, 1), (2, 448), (4, 447), (5, 512)] {
            for page in 0..<pages {
                unsafe region.base.storeBytes(of: 1, toByteOffset: piece << 21 + page << 12, as: UInt8.self)
            }
        }
        region.allowHugePagesWhereTheyPay()
        let start = UInt(bitPattern: unsafe region.base)
        for (piece, isHuge) in [true, false, true, true, false, true, true].enumerated() {
            let flags = try flags(at: start + UInt(piece) << 21)
            #expect(flags.contains("hg") == isHuge, "\(piece): \(flags)")
        }
    }

    @Test("a guest that touches a little memory everywhere does not use up the mappings of the process")
    func everywhere() throws {
        let region = try MappedRegion(guestRAM: 2 << 30)
        for piece in stride(from: 1, to: 1024, by: 2) {
            unsafe region.base.storeBytes(of: 1, toByteOffset: piece << 21, as: UInt8.self)
        }
        region.allowHugePagesWhereTheyPay()
        let start = UInt(bitPattern: unsafe region.base)
        for (piece, flag) in [(1, "nh"), (509, "nh"), (511, "hg"), (1023, "hg")] {
            #expect(try flags(at: start + UInt(piece) << 21).contains(Substring(flag)), "\(piece)")
        }
    }

    @Test("a request for more memory than any machine has fails with a cure")
    func tooMuch() {
        let failure = #expect(throws: Failure.self) { _ = try MappedRegion(guestRAM: 1 << 50) }
        #expect(failure?.kind == .host)
        #expect(failure?.what.contains("1073741824 MiB") == true)
        #expect(failure?.cure?.contains("--memory") == true)
    }

    @Test("the end of a region unmaps it, with the files laid over it")
    func unmaps() async throws {
        // In a process of its own: elsewhere another test's mapping may take the place at once.
        await #expect(processExitsWith: .success) {
            let before = try MemoryMaps.byteCount()
            for _ in 0..<64 { _ = try MappedRegion(guestRAM: 64 << 20) }
            let growth = try MemoryMaps.byteCount() - before
            precondition(growth < 64 << 20, "\(growth) bytes stay mapped")
        }
    }

    @Test("a shared mapping and its file show each other's changes")
    func sharing() throws {
        let file = try TemporaryFile([UInt8](repeating: 5, count: 4096))
        let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
        do {
            let region = try MappedRegion(sharing: descriptor.rawValue, byteCount: 4096)
            #expect(unsafe region.base.load(as: UInt8.self) == 5)
            unsafe region.base.storeBytes(of: 9, as: UInt8.self)
        }
        #expect(try file.bytes()[..<2] == [9, 5])
    }

    @Test("a refusal of mmap is thrown as its errno")
    func refuses() {
        #expect(throws: Errno.badFileDescriptor) { _ = try MappedRegion(sharing: -1, byteCount: 4096) }
        #expect(throws: Errno.invalidArgument) {
            _ = try MappedRegion(
                descriptor: -1, byteCount: 0, protection: PROT_READ, flags: MAP_PRIVATE | MAP_ANONYMOUS)
        }
    }
}

/// This process's address space.
enum MemoryMaps {
    /// VmSize of proc(5).
    static func byteCount() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmSize:") }
        let number = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        return (number ?? 0) * 1024
    }
}
