import GuestMemory
import Host

/// A range of the guest's memory, and its place in the file that has its content.
struct MemoryExtent: Hashable, Sendable {
    /// The guest-physical address of the first byte.
    var address: UInt64
    var byteCount: UInt64
    var fileOffset: UInt64
    /// The number of a `Source`.
    var sourceNumber: UInt64

    /// The file that has the content.
    enum Source: UInt64 {
        /// The file of the machine's memory.
        case memory = 0
        /// The kernel's file: pages that the guest has not changed. All machines share these, also those that
        /// start cold.
        case kernel = 1
    }
}

extension MemoryExtent {
    init(_ range: GuestRange, from source: Source, at fileOffset: UInt64) {
        self.init(
            address: range.start.rawValue, byteCount: range.byteCount, fileOffset: fileOffset,
            sourceNumber: source.rawValue)
    }

    /// The file that has the content; nil if there is no such source.
    var source: Source? { Source(rawValue: sourceNumber) }

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
    static var encodedByteCount: Int { 32 }

    func write(to writer: inout ByteWriter) {
        writer.u64(address)
        writer.u64(byteCount)
        writer.u64(fileOffset)
        writer.u64(sourceNumber)
    }

    init(_ bytes: RawSpan) {
        (address, byteCount) = (bytes.field(at: 0), bytes.field(at: 8))
        (fileOffset, sourceNumber) = (bytes.field(at: 16), bytes.field(at: 24))
    }
}
