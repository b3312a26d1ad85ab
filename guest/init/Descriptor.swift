import CLinux

/// An open file that is closed when its owner ends.
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

    /// Whether it is open: a failed call's -1 is adopted as well.
    var isOpen: Bool { number >= 0 }

    /// What one read gives, at most `byteCount` bytes of it; empty if it fails.
    func text(upTo byteCount: Int) -> String {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            count = unsafe max(0, read(number, buffer.baseAddress, byteCount))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Reads one record of the kernel's; whether one was waiting.
func readRecord<Record: BitwiseCopyable>(from descriptor: Int32, into record: inout Record) -> Bool {
    let byteCount = MemoryLayout<Record>.size
    return unsafe read(descriptor, &record, byteCount) == byteCount
}
