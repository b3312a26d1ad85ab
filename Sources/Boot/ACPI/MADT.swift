import GuestMemory
import Host
import Layout

/// The Multiple APIC Description Table: the CPUs and the IOAPIC (ACPI 6.5, 5.2.12).
enum MADT {
    private enum Entry {
        static let localAPIC: UInt8 = 0
        static let ioapic: UInt8 = 1
        static let localAPICNMI: UInt8 = 4
        static let localX2APIC: UInt8 = 9
    }

    private static let enabled: UInt32 = 1 << 0

    static func bytes(apicIDs: [UInt32]) -> [UInt8] {
        var table = ByteWriter(capacity: 32 + 16 * apicIDs.count)
        table.append(UInt32(truncatingIfNeeded: Layout.localAPIC.rawValue))
        table.append(UInt32(0))  // no dual 8259: PCAT_COMPAT is clear
        for (index, id) in apicIDs.enumerated() { append(cpu: index, id, to: &table) }
        append(ioapic: 0, to: &table)
        appendNMI(to: &table)
        return SystemTable.bytes("APIC", revision: 6, table.bytes)
    }

    /// Appends a Processor Local APIC (5.2.12.2), or a Local x2APIC (5.2.12.12) if the id does not fit in
    /// eight bits.
    private static func append(cpu: Int, _ id: UInt32, to table: inout ByteWriter) {
        if let shortID = UInt8(exactly: id), shortID != .max, let uid = UInt8(exactly: cpu) {
            table.append([Entry.localAPIC, 8, uid, shortID])
            table.append(enabled)
        } else {
            table.append([Entry.localX2APIC, 16, 0, 0])
            table.append(id)
            table.append(enabled)
            table.append(UInt32(truncatingIfNeeded: cpu))
        }
    }

    /// Appends an I/O APIC (5.2.12.3): its pins are the GSIs from 0 on.
    private static func append(ioapic id: UInt8, to table: inout ByteWriter) {
        table.append([Entry.ioapic, 12, id, 0])
        table.append(UInt32(truncatingIfNeeded: Layout.ioapic.rawValue))
        table.append(UInt32(0))
    }

    /// Appends a Local APIC NMI (5.2.12.7): LINT1 of all CPUs, with the bus's polarity and trigger mode.
    private static func appendNMI(to table: inout ByteWriter) {
        table.append([Entry.localAPICNMI, 6, 0xFF])
        table.append(UInt16(0))
        table.append(UInt8(1))
    }
}
