import CHost

/// The last bytes of a stream, in a buffer that is allocated in advance.
struct Tail {
    static let byteCount = 16384
    private var bytes = [UInt8](repeating: 0, count: byteCount)
    private var count = 0

    /// Reads once from `descriptor`. Returns the result of read(2).
    mutating func append(from descriptor: Int32) -> Int {
        makeRoom()
        let count = count
        let taken = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(descriptor, buffer.baseAddress! + count, buffer.count - count)
        }
        self.count += max(taken, 0)
        return taken
    }

    /// Drops the older half of a full buffer.
    private mutating func makeRoom() {
        guard count == Self.byteCount else { return }
        let half = Self.byteCount / 2
        for index in 0..<half { bytes[index] = bytes[half + index] }
        count = half
    }

    var text: String { String(decoding: bytes[..<count], as: UTF8.self) }
}
