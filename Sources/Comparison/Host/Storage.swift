/// What files take on this host.
public enum Storage {
    /// Blocks, and not bytes: files may have holes.
    public static func byteCount(_ path: String) -> Int { Files.allocatedByteCount(path) }
}
