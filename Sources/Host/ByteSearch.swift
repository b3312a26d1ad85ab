import CHost

extension UnsafeRawBufferPointer {
    /// Whether the bytes contain `pattern`.
    public func holds(_ pattern: StaticString) -> Bool {
        guard let start = baseAddress else { return false }
        return unsafe chost_contains(start, count, pattern.utf8Start, pattern.utf8CodeUnitCount)
    }
}
