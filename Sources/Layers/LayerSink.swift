public import Host

/// Where the files of a layer go, in the order in which the source has them.
///
/// A later entry of the same path replaces an earlier one; a directory that is named again only takes the new attributes.
/// Parents that were never named are made: owner 0, mode 0755.
public protocol LayerSink {
    /// Takes an entry. After a `.file` come its bytes: calls of `append` and `appendHole` that add up to its size.
    mutating func add(_ entry: LayerEntry) throws(Failure)

    /// The next bytes of the file that was added last.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure)

    /// The next bytes of the file that was added last, all of them zero.
    mutating func appendHole(byteCount: UInt64) throws(Failure)
}
