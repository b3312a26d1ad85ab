import Glibc

/// Names as bytes, in the order of their values: the kernel searches directories by halves.
enum Name {
    static func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawPointer) -> Bool {
        guard let base = left.baseAddress else { return true }
        return unsafe memcmp(base, right, left.count) == 0
    }

    static func precedes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard let first = left.baseAddress, let second = right.baseAddress else {
            return left.count < right.count
        }
        let order = unsafe memcmp(first, second, min(left.count, right.count))
        return order < 0 || (order == 0 && left.count < right.count)
    }
}

extension UnsafeRawBufferPointer {
    /// Whether all bytes are zero; at the speed of the C library, because whole archives pass here.
    var isZero: Bool {
        guard let base = baseAddress else { return true }
        guard unsafe self[0] == 0 else { return false }
        return unsafe memcmp(base, base + 1, count - 1) == 0
    }
}
