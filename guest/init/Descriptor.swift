import CLinux

/// A file descriptor that is closed in `deinit`.
struct Descriptor: ~Copyable {
    let number: Int32

    init(adopting number: Int32) {
        self.number = number
    }

    init(opening path: String, _ flags: Int32) throws(SystemError) {
        number = try check(unsafe openFile(path, flags))
    }

    deinit {
        if number >= 0 { close(number) }
    }

    /// Whether the descriptor is open: the -1 of a failed call may be adopted as well.
    var isOpen: Bool { number >= 0 }

    /// Returns the result of one read, at most `byteCount` bytes; empty if the read fails.
    func text(upTo byteCount: Int) -> String {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            count = unsafe max(0, read(number, buffer.baseAddress, byteCount))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Reads one record from the kernel. Returns whether a record was waiting.
func readRecord<Record: BitwiseCopyable>(from descriptor: Int32, into record: inout Record) -> Bool {
    let byteCount = MemoryLayout<Record>.size
    return unsafe read(descriptor, &record, byteCount) == byteCount
}
