public import Host

/// Writes a layer as an EROFS image, in one pass.
public final class ErofsWriter: LayerSink {
    /// Writes to `descriptor`, an empty regular file that stays the caller's; `name` is for messages.
    public init(to descriptor: Int32, named name: String) throws(Failure) {}

    public func add(_ entry: LayerEntry) throws(Failure) {}

    public func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {}

    public func appendHole(byteCount: UInt64) throws(Failure) {}

    /// Writes what is left, the superblock last: before, the file is no image.
    public func finish() throws(Failure) -> ErofsFacts {
        ErofsFacts(blockCount: 0, inodeCount: 0, skippedAttributeCount: 0)
    }
}
