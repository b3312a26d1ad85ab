/// The limits on one import.
public struct ImportLimits: Hashable, Sendable {
    /// The limit on bytes written: a download, the contents of a compressed archive, layers, and the index
    /// over them.
    public var writtenByteCount: UInt64 = 64 << 30
    /// The limit on bytes unpacked, including those that become holes. Zeroes take no space but time: gzip
    /// compresses them 1,000 times, zstd 30,000 times.
    public var unpackedByteCount: UInt64 = 1 << 40
    /// The limit on files, counted when they come out of a layer and again when layers are merged.
    public var entryCount: UInt64 = 32 << 20

    public init() {}

    /// Formats a size as options take it: "64G", "1536M", "1000".
    static func text(_ byteCount: UInt64) -> String {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] as [(UInt64, String)]
        where byteCount >> shift > 0 && byteCount & (1 << shift - 1) == 0 {
            return "\(byteCount >> shift)\(unit)"
        }
        return "\(byteCount)"
    }
}
