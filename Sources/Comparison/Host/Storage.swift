/// The storage that files occupy on this host.
public enum Storage {
    /// Counts blocks, not bytes: files may have holes.
    public static func byteCount(_ path: String) -> Int { Files.allocatedByteCount(path) }
}
