/// Bytes that wait for the guest to make room, first in, first out. Removing from the start moves the rest
/// only now and then. An empty queue frees its memory, which may have been `VirtioSerialPort.pendingLimit`
/// bytes.
///
/// The agent has a different queue, `ByteQueue`. It keeps its memory to fill it again and again, and it is
/// compiled into the guest, in Embedded Swift and with a protocol that the devices do not have.
struct PendingBytes: Sendable {
    private var bytes: [UInt8] = []
    private var takenCount = 0

    init(_ bytes: [UInt8] = []) {
        self.bytes = bytes
    }

    var count: Int { bytes.count - takenCount }
    var isEmpty: Bool { count == 0 }
    var waiting: ArraySlice<UInt8> { bytes[takenCount...] }

    mutating func append(_ more: ArraySlice<UInt8>) {
        bytes += more
    }

    /// Removes the first `removed` bytes, of which there must be as many.
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
