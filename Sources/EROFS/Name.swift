import Glibc

/// Names as bytes, sorted by their values: the kernel finds entries of directories by binary search.
enum Name {
    /// Whether a directory can have the name: 1 to 255 bytes (NAME_MAX), none of them `/` or zero, and
    /// neither `.` nor `..`.
    static func isValid(_ name: UnsafeRawBufferPointer) -> Bool {
        guard let base = name.baseAddress, (1...Erofs.longestName).contains(name.count) else { return false }
        let dot = UInt8(ascii: ".")
        let isDot = unsafe name[0] == dot && (name.count == 1 || name.count == 2 && name[1] == dot)
        let hasSeparator = unsafe memchr(base, 0, name.count) != nil || memchr(base, 0x2F, name.count) != nil
        return !isDot && !hasSeparator
    }

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
