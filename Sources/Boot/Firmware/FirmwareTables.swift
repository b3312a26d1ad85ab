import GuestMemory
import Host
import Layout

/// The ACPI tables, which a kernel finds in this order: RSDP -> XSDT -> FADT -> DSDT, and XSDT -> MADT (ACPI
/// 6.5, 5.2). The MP table serves kernels without ACPI.
enum FirmwareTables {
    private static let rsdpByteCount = 36
    private static let rsdpLegacyByteCount = 20
    private static let rsdpRoom: UInt64 = 64

    /// Writes all tables for the machine of `description` and the code at the reset vector to guest memory;
    /// returns the address of the RSDP.
    ///
    /// The tables lie as close to the reset vector as they can, so that a start touches one page for all of
    /// them, unless the machine is large.
    static func write(
        for description: MachineDescription, into memory: GuestMemory
    ) throws(Failure) -> GuestAddress {
        let dsdt = DSDT.bytes(description)
        let madt = MADT.bytes(apicIDs: description.apicIDs)
        var place = TablePlace(
            endingWith: [
                Int(rsdpRoom), dsdt.count, FADT.byteCount, madt.count, extendedTableByteCount,
                MPTable.byteCount(cpuCount: description.apicIDs.count),
            ])
        let rsdp = GuestAddress(place.next)
        place.next += rsdpRoom
        let fadt = try place.put(FADT.bytes(dsdt: place.put(dsdt, into: memory)), into: memory)
        let xsdt = try place.put(extendedTable(fadt, place.put(madt, into: memory)), into: memory)
        _ = try place.put(
            MPTable.bytes(apicIDs: description.apicIDs, at: GuestAddress(place.next)), into: memory)
        try memory.place(rootPointer(to: xsdt), at: rsdp)
        try memory.place(ResetVector.code, at: Layout.resetVector)
        return rsdp
    }

    private static let extendedTableByteCount = SystemTable.headerByteCount + 2 * 8

    /// Makes the Extended System Description Table (5.2.8).
    private static func extendedTable(_ fadt: GuestAddress, _ madt: GuestAddress) -> [UInt8] {
        var addresses = ByteWriter(capacity: 16)
        addresses.append(fadt.rawValue)
        addresses.append(madt.rawValue)
        return SystemTable.bytes("XSDT", revision: 1, addresses.bytes)
    }

    /// Makes the Root System Description Pointer (5.2.5.3), revision 2: no RSDT, one checksum over the first
    /// 20 bytes and one over all bytes.
    private static func rootPointer(to xsdt: GuestAddress) -> [UInt8] {
        var pointer = ByteWriter(capacity: rsdpByteCount)
        pointer.append(text: "RSD PTR ", width: 8, filler: 0)
        pointer.append(UInt8(0))  // checksum
        pointer.append(text: SystemTable.vendor, width: 6, filler: UInt8(ascii: " "))
        pointer.append(UInt8(2))  // revision
        pointer.append(UInt32(0))  // RSDT
        pointer.append(UInt32(rsdpByteCount))
        pointer.append(xsdt.rawValue)
        pointer.append(zeroes: 4)  // extended checksum, reserved
        pointer.store(SystemTable.checksum(of: pointer.bytes[..<rsdpLegacyByteCount]), at: 8)
        pointer.store(SystemTable.checksum(of: pointer.bytes[...]), at: 32)
        return pointer.bytes
    }
}

/// The place of the next table. The tables follow one another, each at a multiple of 16.
private struct TablePlace {
    var next: UInt64

    /// Makes room for tables of those sizes, the last of which ends at the reset vector.
    init(endingWith byteCounts: [Int]) {
        let byteCount = byteCounts.reduce(0) { $0 + UInt64(($1 + 15) & ~15) }
        // The number of CPUs and devices bounds the sum; the machine's configuration checks both.
        precondition(
            byteCount <= Layout.resetVector.rawValue - Layout.firmware.start.rawValue,
            "the firmware tables do not fit into their place")
        next = Layout.resetVector.rawValue - byteCount
    }

    mutating func put(_ table: [UInt8], into memory: GuestMemory) throws(Failure) -> GuestAddress {
        let address = GuestAddress(next)
        let end = next + UInt64(table.count)
        precondition(end <= Layout.resetVector.rawValue, "a table is larger than it said")
        try memory.place(table, at: address)
        next = (end + 15) & ~15
        return address
    }
}

/// The code at the reset vector of real mode (F000:FFF0), where a PC has its BIOS.
///
/// Linux jumps there to reboot (`reboot=b`), and also after a method that does not exist: with EFI support
/// and hardware-reduced ACPI it prefers EFI's reset, which this machine does not have.
///
/// The code asks the 8042 for a reset, then ACPI's reset register. Either ends the machine. Then the code
/// stops the CPU.
enum ResetVector {
    /// Real-mode code, at most 16 bytes.
    static let code: [UInt8] = [
        0xB0, 0xFE,  // mov al, 0xFE: pulse the reset line
        0xE6, UInt8(truncatingIfNeeded: Layout.keyboardCommandPort),  // out 0x64, al
        0xBA, UInt8(truncatingIfNeeded: Layout.resetPort), UInt8(Layout.resetPort >> 8),  // mov dx, 0x602
        0xB0, Layout.resetValue,  // mov al, 1
        0xEE,  // out dx, al
        0xFA,  // cli
        0xF4,  // hlt
        0xEB, 0xFD,  // jmp to hlt
    ]
}
