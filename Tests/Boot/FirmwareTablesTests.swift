import Foundation
import GuestMemory
import Testing

@testable import Boot
@testable import Layout

/// The ACPI tables, read as a kernel reads them: from the RSDP down, in guest memory.
@Suite struct FirmwareTablesTests {
    let description = MachineDescription(
        apicIDs: [0, 1, 2, 300], virtioDevices: (0..<3).map { MachineDescription.VirtioDevice(index: $0) })

    @Test func theRootPointerHoldsTogether() throws {
        let tables = try Tables(description)
        #expect(tables.rsdp.rawValue % 16 == 0 && tables.rsdp >= GuestAddress(0xE_0000))
        #expect(try tables.memory.bytes(at: tables.rsdp, count: 8) == Array("RSD PTR ".utf8))
        #expect(try tables.sum(tables.rsdp, 20) == 0)
        #expect(try tables.sum(tables.rsdp, 36) == 0)
        #expect(try tables.memory.load(UInt8.self, at: tables.rsdp + 15) == 2)
        #expect(try tables.memory.load(UInt32.self, at: tables.rsdp + 20) == 36)
    }

    @Test func everyTableIsWhole() throws {
        let tables = try Tables(description)
        let all = try tables.all()
        #expect(all.keys.sorted() == ["APIC", "DSDT", "FACP", "XSDT"])
        for (signature, address) in all {
            let byteCount = try tables.memory.load(UInt32.self, at: address + 4)
            #expect(try tables.sum(address, Int(byteCount)) == 0, "\(signature)")
            #expect(address.rawValue % 16 == 0, "\(signature)")
            #expect(address.rawValue + UInt64(byteCount) <= 0xF_FFF0, "\(signature)")
        }
    }

    @Test func theFADTIsHardwareReduced() throws {
        let tables = try Tables(description)
        let fadt = try #require(try tables.all()["FACP"])
        #expect(try tables.memory.load(UInt32.self, at: fadt + 4) == 276)
        let flags = try tables.memory.load(UInt32.self, at: fadt + 112)
        #expect(flags & 1 << 20 != 0, "HW_REDUCED_ACPI")
        #expect(flags & 1 << 10 != 0, "RESET_REG_SUP")
        #expect(try tables.memory.load(UInt16.self, at: fadt + 109) & 0b11 == 0, "no legacy devices, no 8042")
        for (register, port) in [(UInt64(116), UInt64(0x602)), (244, 0x600), (256, 0x601)] {
            #expect(try tables.memory.load(UInt32.self, at: fadt + register) == 0x0100_0801)
            #expect(try tables.memory.load(UInt64.self, at: fadt + register + 4) == port)
        }
        #expect(try tables.memory.load(UInt8.self, at: fadt + 128) == 1, "RESET_VALUE")
        #expect(
            try tables.memory.load(UInt32.self, at: fadt + 40) == 0, "the 32-bit DSDT, so that X_DSDT counts")
    }

    @Test func theMADTListsEveryCPU() throws {
        let tables = try Tables(description)
        let madt = try #require(try tables.all()["APIC"])
        let end = UInt64(try tables.memory.load(UInt32.self, at: madt + 4))
        var ids: [UInt32] = []
        var kinds: [UInt8] = []
        var offset: UInt64 = 44
        while offset < end {
            let kind = try tables.memory.load(UInt8.self, at: madt + offset)
            kinds.append(kind)
            if kind == 0 { ids.append(UInt32(try tables.memory.load(UInt8.self, at: madt + offset + 3))) }
            if kind == 9 { ids.append(try tables.memory.load(UInt32.self, at: madt + offset + 4)) }
            if kind == 1 {
                #expect(try tables.memory.load(UInt32.self, at: madt + offset + 4) == 0xFEC0_0000)
            }
            offset += UInt64(try tables.memory.load(UInt8.self, at: madt + offset + 1))
        }
        #expect(offset == end)
        #expect(ids == [0, 1, 2, 300])
        #expect(kinds == [0, 0, 0, 9, 1, 4])
    }

    /// A start touches no more pages than it has to.
    @Test func allOfASmallMachineLiesInOnePage() throws {
        let small = MachineDescription(
            apicIDs: [0, 1], virtioDevices: (0..<4).map { MachineDescription.VirtioDevice(index: $0) })
        #expect(try Tables(small).rsdp >= GuestAddress(0xF_F000))
    }

    @Test func theResetVectorIsCode() throws {
        let code = try Tables(description).memory.bytes(at: GuestAddress(0xF_FFF0), count: 16)
        #expect(
            code.starts(with: [
                0xB0, 0xFE, 0xE6, 0x64, 0xBA, 0x02, 0x06, 0xB0, 0x01, 0xEE, 0xFA, 0xF4, 0xEB, 0xFD,
            ]))
    }

    @Test func theLargestMachineFits() throws {
        let largest = MachineDescription(
            apicIDs: (0..<64).map { UInt32($0) },
            virtioDevices: (0..<Layout.virtioDeviceLimit).map { MachineDescription.VirtioDevice(index: $0) })
        #expect(try Tables(largest).all().count == 4)
    }

    /// The MP table, from its pointer on: what there is for a kernel without ACPI.
    @Test func theMPTableNamesCPUsAndInterrupts() throws {
        let tables = try Tables(description)
        let entries = try tables.mpEntries()
        let cpus = entries.filter { $0[0] == 0 }
        #expect(cpus.map { $0[1] } == [0, 1, 2], "an id of more than eight bits has no place")
        #expect(cpus.map { $0[3] } == [3, 1, 1], "all enabled, the first the one that boots")
        #expect(entries.filter { $0[0] == 1 } == [[1, 0] + Array("ISA   ".utf8)])
        let ioapics = entries.filter { $0[0] == 2 }
        #expect(ioapics == [[2, 3, 0x11, 1, 0x00, 0x00, 0xC0, 0xFE]], "with an id that no CPU has")
        let pins = entries.filter { $0[0] == 3 }
        #expect(pins.map { $0[5] } == (0..<24).filter { $0 != 2 })
        // Vectored, edge triggered, active high, from the ISA bus to the IOAPIC's pin of the same number.
        #expect(pins.allSatisfy { $0 == [3, 0, 5, 0, 0, $0[5], 3, $0[5]] })
        #expect(
            entries.filter { $0[0] == 4 } == [[4, 3, 0, 0, 0, 0, 0xFF, 0], [4, 1, 0, 0, 0, 0, 0xFF, 1]])
    }

    @Test(arguments: [1, 64])
    func theMPTableOfAMachineOfThatSize(_ count: UInt32) throws {
        let entries = try Tables(MachineDescription(apicIDs: Array(0..<count))).mpEntries()
        #expect(entries.count { $0[0] == 0 } == Int(count))
    }

    /// ACPI's own compiler finds nothing to complain about.
    @Test func aDisassemblerReadsWhatWasMeant() throws {
        let tables = try Tables(description)
        let dsdt = try Disassembler.source(of: try tables.contents("DSDT"), named: "dsdt")
        for expected in [
            "Device (COM1)", "EisaId (\"PNP0501\")", "IO (Decode16", "0x03F8", "Device (V002)",
            "\"LNRO0005\"",
            "0xD0002000", "Interrupt (ResourceConsumer, Edge, ActiveHigh, Exclusive", "0x00000008,",
            "Device (GED)", "\"ACPI0013\"", "Method (_EVT, 1, NotSerialized)", "If ((Arg0 == 0x05))",
            "Notify (\\_SB.PWRB, 0x80)", "EisaId (\"PNP0C0C\")", "Name (\\_S5, Package (0x04)",
            "\"QEMU0001\"",
        ] {
            #expect(dsdt.contains(expected), "no \(expected) in\n\(dsdt)")
        }
        let fadt = try Disassembler.source(of: try tables.contents("FACP"), named: "fadt")
        #expect(fadt.contains("Hardware Reduced (V5) : 1"))
        let madt = try Disassembler.source(of: try tables.contents("APIC"), named: "madt")
        #expect(madt.contains("[Processor Local x2APIC]"))
    }
}

/// Tables in a memory of their own.
private struct Tables {
    let memory: GuestMemory
    let rsdp: GuestAddress

    init(_ description: MachineDescription) throws {
        memory = try GuestMemory(byteCount: 2 << 20)
        rsdp = try FirmwareTables.write(for: description, into: memory)
    }

    /// By signature, with the DSDT that the FADT leads to.
    func all() throws -> [String: GuestAddress] {
        let xsdt = GuestAddress(try memory.load(UInt64.self, at: rsdp + 24))
        var found = [try signature(xsdt): xsdt]
        let end = UInt64(try memory.load(UInt32.self, at: xsdt + 4))
        for offset in stride(from: UInt64(36), to: end, by: 8) {
            let table = GuestAddress(try memory.load(UInt64.self, at: xsdt + offset))
            found[try signature(table)] = table
        }
        if let fadt = found["FACP"] {
            let dsdt = GuestAddress(try memory.load(UInt64.self, at: fadt + 140))
            found[try signature(dsdt)] = dsdt
        }
        return found
    }

    func contents(_ signature: String) throws -> [UInt8] {
        let address = try #require(try all()[signature])
        return try memory.bytes(at: address, count: Int(try memory.load(UInt32.self, at: address + 4)))
    }

    /// The entries of the MP table, found and checked as a kernel does it (Intel MultiProcessor Specification
    /// 1.4, chapter 4).
    func mpEntries() throws -> [[UInt8]] {
        let found = try stride(from: UInt64(0xF_0000), to: 0x10_0000, by: 16).first {
            try memory.bytes(at: GuestAddress($0), count: 4) == Array("_MP_".utf8)
        }
        let pointer = GuestAddress(try #require(found))
        #expect(try sum(pointer, 16) == 0)
        #expect(try memory.bytes(at: pointer + 8, count: 2) == [1, 4])
        let table = GuestAddress(UInt64(try memory.load(UInt32.self, at: pointer + 4)))
        #expect(try memory.bytes(at: table, count: 4) == Array("PCMP".utf8))
        let byteCount = Int(try memory.load(UInt16.self, at: table + 4))
        #expect(try sum(table, byteCount) == 0)
        #expect(try memory.load(UInt32.self, at: table + 36) == 0xFEE0_0000)
        var rest = try memory.bytes(at: table, count: byteCount)[44...]
        var entries: [[UInt8]] = []
        while let type = rest.first {
            entries.append(Array(rest.prefix(type == 0 ? 20 : 8)))
            rest = rest.dropFirst(type == 0 ? 20 : 8)
        }
        #expect(try memory.load(UInt16.self, at: table + 34) == UInt16(entries.count))
        return entries
    }

    func sum(_ address: GuestAddress, _ count: Int) throws -> UInt8 {
        try memory.bytes(at: address, count: count).reduce(0, &+)
    }

    private func signature(_ address: GuestAddress) throws -> String {
        String(decoding: try memory.bytes(at: address, count: 4), as: UTF8.self)
    }
}

private enum Disassembler {
    /// Disassembles `table`, and compiles that again: neither may find an error or a warning.
    static func source(of table: [UInt8], named name: String) throws -> String {
        let directory = try TemporaryDirectory()
        let binary = try directory.write(table, to: name + ".dat")
        try run(["-d", binary])
        let source = directory.path + "/" + name + ".dsl"
        let output = try run([source])
        #expect(output.contains("0 Errors, 0 Warnings"), "\(output)")
        return try String(contentsOfFile: source, encoding: .utf8)
    }

    @discardableResult
    private static func run(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["iasl"] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(output)")
        return output
    }
}
