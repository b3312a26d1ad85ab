import Foundation
import GuestMemory
import Host
import Testing

@testable import Boot

@Suite("Drivers that a kernel has built in")
struct BuiltInDriverTests {
    private static let code = noise(0x4000, seed: 7)

    /// A kernel with `strings` among other bytes, and, if `sections` says so, the headers of its sections
    /// .rodata and .init.data.
    private func kernel(rodata: [String], initData: [String] = [], sections: Bool = true) -> [UInt8] {
        func place(_ strings: [String], _ seed: UInt64) -> [UInt8] {
            strings.reduce(noise(0x1234, seed: seed)) { $0 + [0] + Array($1.utf8) + [0] }
                + noise(0x100, seed: seed)
        }
        var writer = ELFWriter(Self.code)
        writer.add(place(rodata, 1), at: 0x20_0000)
        writer.add(place(initData, 2), at: 0x30_0000)
        return sections ? withSections(writer) : writer.bytes
    }

    /// Appends the names of the sections and their headers; segment 1 is .rodata, segment 2 .init.data.
    private func withSections(_ writer: ELFWriter) -> [UInt8] {
        var bytes = writer.bytes
        let names = Array("\0.rodata\0.init.data\0.shstrtab\0".utf8)
        let nameOffset = bytes.count
        bytes += names
        let table = bytes.count
        func header(_ name: UInt32, _ offset: UInt64, _ byteCount: UInt64) -> [UInt8] {
            little(name) + little(UInt32(1)) + little(UInt64(0)) + little(UInt64(0)) + little(offset)
                + little(byteCount) + [UInt8](repeating: 0, count: 24)
        }
        bytes += header(0, 0, 0)
        bytes += header(1, writer.segments[1].offset, writer.segments[1].fileByteCount)
        bytes += header(9, writer.segments[2].offset, writer.segments[2].fileByteCount)
        bytes += header(20, UInt64(nameOffset), UInt64(names.count))
        bytes.replaceSubrange(40..<48, with: little(UInt64(table)))
        bytes.replaceSubrange(58..<64, with: little(UInt16(64)) + little(UInt16(4)) + little(UInt16(3)))
        return bytes
    }

    private func drivers(_ bytes: [UInt8]) throws -> Set<BuiltInDriver> {
        let directory = try TemporaryDirectory()
        let path = try directory.write(bytes, to: "kernel")
        let memory = try GuestMemory(byteCount: 64 * mebibyte)
        let placed = try LinuxLoader.place(
            kernel: path, policy: LoadPolicy(allowsAnyKernel: true), into: memory)
        var found: Set<BuiltInDriver> = []
        for driver in BuiltInDriver.allCases where try placed.has(driver) { found.insert(driver) }
        return found
    }

    @Test("are found by their strings, in an ELF file's sections and without them", arguments: [true, false])
    func strings(sections: Bool) throws {
        let both = ["virtio-mmio", "virtio-ports"]
        #expect(try drivers(kernel(rodata: both, sections: sections)) == [.virtioConsole])
        #expect(
            try drivers(kernel(rodata: both, initData: ["earlyprintk"], sections: sections))
                == [.virtioConsole, .earlyPrintk])
        // Debian's 6.12 has the console built in, and its transport as a module.
        #expect(try drivers(kernel(rodata: ["virtio-ports"], sections: sections)).isEmpty)
        #expect(try drivers(kernel(rodata: ["virtio-mmio", "virtio-port"], sections: sections)).isEmpty)
        #expect(try drivers(kernel(rodata: [], sections: sections)).isEmpty)
    }

    @Test("are found in a kernel that is unpacked", arguments: Compression.allCases)
    func packed(compression: Compression) throws {
        let bytes = kernel(rodata: ["virtio-mmio", "virtio-ports"], initData: ["earlyprintk"])
        #expect(try drivers(BzImageWriter(bytes, compression).bytes) == [.virtioConsole, .earlyPrintk])
        #expect(try drivers(BzImageWriter(kernel(rodata: []), compression).bytes).isEmpty)
    }

    @Test("are found across the pieces in which a section is read")
    func pieces() throws {
        for shift in [0, 1, 10, 11, 12] {
            var writer = ELFWriter(Self.code)
            let padding = [UInt8](repeating: 1, count: (64 << 10) - shift)
            writer.add(padding + Array("virtio-mmio\0virtio-ports".utf8), at: 0x20_0000)
            writer.add([0], at: 0x30_0000)
            #expect(try drivers(withSections(writer)) == [.virtioConsole], "\(shift) bytes before the end")
        }
    }

    @Test("are none where the table of sections leads nowhere")
    func badSections() throws {
        let good = kernel(rodata: ["virtio-mmio", "virtio-ports"])
        let table = Int(ImageBytes(bytes: good).load(UInt64.self, at: 40)!)
        let changes: [(Int, [UInt8])] = [
            (40, little(UInt64.max)), (40, little(UInt64(good.count - 1))), (58, little(UInt16(40))),
            (60, little(UInt16.max)), (62, little(UInt16(4))), (table + 64, little(UInt32.max)),
            (table + 64 + 24, little(UInt64.max)), (table + 64 + 32, little(UInt64.max)),
            (table + 192 + 24, little(UInt64.max - 3)), (table + 192 + 32, little(UInt64.max)),
        ]
        for (offset, bytes) in changes {
            var bad = good
            bad.replaceSubrange(offset..<offset + bytes.count, with: bytes)
            // All of the kernel is searched then.
            #expect(try drivers(bad) == [.virtioConsole], "\(offset)")
        }
    }
}
