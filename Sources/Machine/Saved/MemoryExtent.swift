import GuestMemory
import Host

/// A range of the guest's memory, and its place in the file that has its content.
struct MemoryExtent: Hashable, Sendable {
    /// The guest-physical address of the first byte.
    var address: UInt64
    var byteCount: UInt64
    var fileOffset: UInt64
}

extension MemoryExtent {
    /// The range of guest memory; nil unless address, size and place in the file are whole pages.
    var range: GuestRange? {
        let isWhole = (address | byteCount | fileOffset) % GuestMemory.pageByteCount == 0
        return isWhole ? GuestRange(start: GuestAddress(address), byteCount: byteCount) : nil
    }

    /// Whether a file of `fileByteCount` bytes has all of the content.
    func lies(inFileOf fileByteCount: UInt64) -> Bool {
        let (end, overflow) = fileOffset.addingReportingOverflow(byteCount)
        return !overflow && end <= fileByteCount && byteCount > 0
    }
}

extension MemoryExtent: FixedByteValue {
    static var encodedByteCount: Int { 24 }

    func write(to writer: inout ByteWriter) {
        writer.u64(address)
        writer.u64(byteCount)
        writer.u64(fileOffset)
    }

    init(_ bytes: RawSpan) {
        (address, byteCount) = (bytes.field(at: 0), bytes.field(at: 8))
        fileOffset = bytes.field(at: 16)
    }
}
