/// Bytes that wait for room, first in, first out. Taking from its start moves what is left only now and then.
struct ByteQueue: Sendable {
    private var bytes: [UInt8] = []
    private var takenCount = 0

    var count: Int { bytes.count - takenCount }
    var isEmpty: Bool { count == 0 }
    var waiting: ArraySlice<UInt8> { bytes[takenCount...] }

    mutating func append(_ more: ArraySlice<UInt8>) {
        bytes += more
    }

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
