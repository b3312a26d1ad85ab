/// The measurements of a finished image.
public struct ErofsFacts: Hashable, Sendable {
    /// The number of 4,096-byte blocks in the file itself.
    public let blockCount: UInt64
    public let inodeCount: UInt64
    /// The number of extended attributes that were left out because Linux does not know their names: those of
    /// other systems.
    public let skippedAttributeCount: UInt64
}
