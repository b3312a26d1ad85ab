/// The most that one import may take.
public struct ImportLimits: Hashable, Sendable {
    /// Bytes written: a download, what a compressed archive unpacks to, layers, and the index over them.
    public var writtenByteCount: UInt64 = 64 << 30
    /// Bytes unpacked, those included that become holes. Zeroes cost no space, but time: gzip packs 1,000 times as many into a
    /// file as it has bytes, zstd 30,000 times.
    public var unpackedByteCount: UInt64 = 1 << 40
    /// Files, counted when they come out of a layer and again when layers are merged.
    public var entryCount: UInt64 = 32 << 20

    public init() {}

    /// A size as options take it: "64G", "1536M", "1000".
    static func text(_ byteCount: UInt64) -> String {
        for (shift, unit) in [(40, "T"), (30, "G"), (20, "M"), (10, "K")] as [(UInt64, String)]
        where byteCount >> shift > 0 && byteCount & (1 << shift - 1) == 0 {
            return "\(byteCount >> shift)\(unit)"
        }
        return "\(byteCount)"
    }
}
