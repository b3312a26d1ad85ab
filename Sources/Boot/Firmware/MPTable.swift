import GuestMemory
import Host
import Layout

/// The MP floating pointer structure, followed by the MP configuration table (Intel MultiProcessor
/// Specification 1.4, chapter 4): the CPUs and the IOAPIC for a kernel without ACPI.
///
/// A kernel with ACPI prefers the MADT, which has the same contents.
enum MPTable {
    /// The size of the pointer, which the table follows.
    static let pointerByteCount = 16
    private static let headerByteCount = 44
    private static let busNumber: UInt8 = 0
    private static let allAPICs: UInt8 = 0xFF

    /// Entry types (table 4-3).
    private enum Entry {
        static let processor: UInt64 = 0
        static let bus: UInt8 = 1
        static let ioapic: UInt64 = 2
        static let interrupt: UInt64 = 3
        static let localInterrupt: UInt64 = 4
    }

    /// Interrupt types (table 4-11).
    private enum Kind {
        static let vectored: UInt64 = 0
        static let nmi: UInt64 = 1
        static let external: UInt64 = 3
    }

    /// Polarity active high, trigger mode edge (table 4-10). Both are explicit because virtio devices are on
    /// the bus as well.
    private static let edgeActiveHigh: UInt64 = 0b0101

    /// Returns the number of bytes that `bytes` makes for `cpuCount` CPUs.
    static func byteCount(cpuCount: Int) -> Int {
        pointerByteCount + headerByteCount + 20 * cpuCount + 8 * (2 + Int(Layout.gsiCount) - 1 + 2)
    }

    /// Makes the pointer and the table for `address`, a multiple of 16 in the last 64 KiB below 1 MiB. The
    /// table leaves out CPUs whose APIC ids are 255 or more.
    static func bytes(apicIDs: [UInt32], at address: GuestAddress) -> [UInt8] {
        let ids = apicIDs.compactMap { $0 < 0xFF ? UInt8(truncatingIfNeeded: $0) : nil }
        // The IOAPIC needs an APIC id of its own, like all bus agents (4.3.3).
        let ioapic = (ids.max() ?? 0) &+ 1
        let entryCount = UInt16(ids.count) + 2 + UInt16(Layout.gsiCount) - 1 + 2
        var table = ByteWriter(capacity: byteCount(cpuCount: ids.count))
        append(pointerTo: address.rawValue + UInt64(pointerByteCount), to: &table)
        appendHeader(entryCount: entryCount, cpuCount: ids.count, to: &table)
        for id in ids { append(cpu: id, isFirst: id == ids.first, to: &table) }
        table.append([Entry.bus, busNumber] + Array("ISA   ".utf8))
        append(ioapic: ioapic, to: &table)
        // An ISA bus has fewer interrupts, but Linux accepts these all the same, and no other entry names the
        // pins of virtio-mmio devices.
        for gsi in 0..<Layout.gsiCount where gsi != Layout.cascadeGSI {
            append(Entry.interrupt, Kind.vectored, from: gsi, to: ioapic, pin: gsi, in: &table)
        }
        append(Entry.localInterrupt, Kind.external, from: 0, to: allAPICs, pin: 0, in: &table)
        append(Entry.localInterrupt, Kind.nmi, from: 0, to: allAPICs, pin: 1, in: &table)
        table.store(SystemTable.checksum(of: table.bytes[pointerByteCount...]), at: pointerByteCount + 7)
        return table.bytes
    }

    /// Appends the MP Floating Pointer Structure (4.1): revision 4, no default configuration, no PIC mode.
    private static func append(pointerTo table: UInt64, to bytes: inout ByteWriter) {
        bytes.append(text: "_MP_", width: 4, filler: 0)
        bytes.append(UInt32(truncatingIfNeeded: table))
        bytes.append([1, 4, 0, 0])  // length in paragraphs, revision, checksum, feature byte 1
        bytes.append(UInt32(0))
        bytes.store(SystemTable.checksum(of: bytes.bytes[...]), at: 10)
    }

    /// Appends the MP Configuration Table Header (4.2).
    private static func appendHeader(entryCount: UInt16, cpuCount: Int, to bytes: inout ByteWriter) {
        bytes.append(text: "PCMP", width: 4, filler: 0)
        bytes.append(UInt16(truncatingIfNeeded: byteCount(cpuCount: cpuCount) - pointerByteCount))
        bytes.append([4, 0])  // revision, checksum
        bytes.append(text: SystemTable.vendor, width: 8, filler: UInt8(ascii: " "))
        bytes.append(text: "MICROVM", width: 12, filler: UInt8(ascii: " "))
        bytes.append(zeroes: 6)  // no OEM table
        bytes.append(entryCount)
        bytes.append(UInt32(truncatingIfNeeded: Layout.localAPIC.rawValue))
        bytes.append(UInt32(0))  // no extended table
    }

    /// Appends a processor entry (4.3.1): enabled, the first one the bootstrap processor; family 6 with an
    /// FPU, CMPXCHG8B and an APIC.
    private static func append(cpu id: UInt8, isFirst: Bool, to bytes: inout ByteWriter) {
        let flags: UInt64 = isFirst ? 0b11 : 0b01
        bytes.append(Entry.processor | UInt64(id) << 8 | 0x14 << 16 | flags << 24 | 0x600 << 32)
        bytes.append(UInt32(0x301))
        bytes.append(UInt64(0))
    }

    /// Appends the I/O APIC entry (4.3.3): version 0x11, usable.
    private static func append(ioapic id: UInt8, to bytes: inout ByteWriter) {
        let address = Layout.ioapic.rawValue
        bytes.append(Entry.ioapic | UInt64(id) << 8 | 0x11 << 16 | 1 << 24 | address << 32)
    }

    /// Appends an I/O Interrupt entry or a Local Interrupt entry (4.3.4, 4.3.5).
    private static func append(
        _ type: UInt64, _ kind: UInt64, from irq: UInt8, to apic: UInt8, pin: UInt8,
        in bytes: inout ByteWriter
    ) {
        let flags = kind == Kind.vectored ? edgeActiveHigh : 0
        let source = UInt64(busNumber) << 32 | UInt64(irq) << 40
        bytes.append(type | kind << 8 | flags << 16 | source | UInt64(apic) << 48 | UInt64(pin) << 56)
    }
}
