public import Host

/// A receiver for the files of a layer, in the order of the source.
///
/// A later entry replaces an earlier one of the same path, but a repeated directory only gets the new
/// attributes. The sink makes parents that were never named: owner 0, mode 0755.
public protocol LayerSink {
    /// Adds an entry. After a `.file` come its bytes: calls of `append` and `appendHole` that add up to its
    /// size.
    mutating func add(_ entry: LayerEntry) throws(Failure)

    /// Appends bytes to the file that was added last.
    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure)

    /// Appends zeroes to the file that was added last.
    mutating func appendHole(byteCount: UInt64) throws(Failure)
}
