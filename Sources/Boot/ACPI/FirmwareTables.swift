import GuestMemory
import Host

/// The ACPI tables and how a kernel gets from one to the next: RSDP -> XSDT -> FADT -> DSDT, and -> MADT
/// (ACPI 6.5, 5.2).
enum FirmwareTables {
    private static let rsdpByteCount = 36
    private static let rsdpLegacyByteCount = 20
    private static let rsdpRoom: UInt64 = 64

    /// Writes all tables for `machine` to their place; the address of the RSDP.
    static func write(
        for machine: MachineDescription, into memory: GuestMemory
    ) throws(Failure) -> GuestAddress {
        let rsdp = Layout.firmware.start
        var place = TablePlace(next: rsdp.rawValue + rsdpRoom)
        let dsdt = try place.put(DSDT.bytes(machine), into: memory)
        let fadt = try place.put(FADT.bytes(dsdt: dsdt), into: memory)
        let madt = try place.put(MADT.bytes(apicIDs: machine.apicIDs), into: memory)
        let xsdt = try place.put(extendedTable(fadt, madt), into: memory)
        try memory.place(rootPointer(to: xsdt), at: rsdp)
        return rsdp
    }

    /// Extended System Description Table (5.2.8).
    private static func extendedTable(_ fadt: GuestAddress, _ madt: GuestAddress) -> [UInt8] {
        var addresses = ByteWriter(capacity: 16)
        addresses.append(fadt.rawValue)
        addresses.append(madt.rawValue)
        return SystemTable.bytes("XSDT", revision: 1, addresses.bytes)
    }

    /// Root System Description Pointer (5.2.5.3), revision 2: no RSDT, one checksum over the first 20 bytes and one
    /// over all.
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

/// Where the next table goes: one after another, each at a multiple of 16.
private struct TablePlace {
    var next: UInt64

    mutating func put(_ table: [UInt8], into memory: GuestMemory) throws(Failure) -> GuestAddress {
        let address = GuestAddress(next)
        let end = next + UInt64(table.count)
        // Bounded by the number of CPUs and devices, which the machine's configuration checks.
        precondition(end <= Layout.firmware.end!.rawValue, "the firmware tables do not fit into their place")
        try memory.place(table, at: address)
        next = (end + 15) & ~15
        return address
    }
}
