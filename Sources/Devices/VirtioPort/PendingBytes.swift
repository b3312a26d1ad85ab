/// Bytes that wait for the guest to make room, first in, first out. Taking from the start moves what is left only now and
/// then; a queue that has run empty gives its memory back, of which it may have had `VirtioPort.pendingLimit`.
///
/// The agent has a queue of its own, `ByteQueue`: it keeps its memory to fill it again and again, and it is compiled into
/// the guest, in Embedded Swift and with a protocol that no device knows of.
struct PendingBytes: Sendable {
    private var bytes: [UInt8] = []
    private var takenCount = 0

    var count: Int { bytes.count - takenCount }
    var isEmpty: Bool { count == 0 }
    var waiting: ArraySlice<UInt8> { bytes[takenCount...] }

    mutating func append(_ more: ArraySlice<UInt8>) {
        bytes += more
    }

    /// Takes the first `removed` bytes away; there are as many.
    mutating func removeFirst(_ removed: Int) {
        takenCount += removed
        if takenCount == bytes.count {
            removeAll()
        } else if takenCount > bytes.count / 2 {
            bytes.removeFirst(takenCount)
            takenCount = 0
        }
    }

    mutating func removeAll() {
        bytes = []
        takenCount = 0
    }
}
