/// The descriptors of a resource template (ACPI 6.5, 6.4).
struct AMLResources {
    fileprivate var content = AMLWriter(capacity: 32)

    /// Appends an I/O Port Descriptor with 16-bit decode and a fixed address (6.4.2.5).
    mutating func io(_ port: UInt16, byteCount: UInt8) {
        content.append(0x0147, byteCount: 2)  // the tag; Decode16
        content.append(UInt64(port), byteCount: 2)
        content.append(UInt64(port), byteCount: 2)
        content.append(0x01, byteCount: 1)  // alignment
        content.append(UInt64(byteCount), byteCount: 1)
    }

    /// Appends a 32-Bit Fixed Memory Range Descriptor, read-write (6.4.3.4).
    mutating func memory32Fixed(_ base: UInt32, byteCount: UInt32) {
        content.append(0x86, byteCount: 1)
        content.append(9, byteCount: 2)
        content.append(0x01, byteCount: 1)  // ReadWrite
        content.append(UInt64(base), byteCount: 4)
        content.append(UInt64(byteCount), byteCount: 4)
    }

    /// Appends an Extended Interrupt Descriptor: ResourceConsumer, Edge, ActiveHigh, Exclusive (6.4.3.6).
    mutating func interrupt(_ gsi: UInt32) {
        content.append(0x89, byteCount: 1)
        content.append(6, byteCount: 2)
        content.append(0b0011, byteCount: 1)  // consumer | edge
        content.append(1, byteCount: 1)
        content.append(UInt64(gsi), byteCount: 4)
    }
}

extension AMLWriter {
    /// Gives a resource template a name: a buffer of descriptors (20.2.5.4, 6.4).
    mutating func name(_ name: String, resources body: (inout AMLResources) -> Void) {
        var resources = AMLResources()
        body(&resources)
        // A checksum of 0 in the end tag means that the template has none (6.4.2.9).
        resources.content.append(0x0079, byteCount: 2)
        self.name(name, buffer: resources.content.bytes)
    }
}
