/// What a finished image is made of.
public struct ErofsFacts: Hashable, Sendable {
    /// Blocks of 4,096 bytes that the file itself has.
    public let blockCount: UInt64
    public let inodeCount: UInt64
    /// Extended attributes that were left out because Linux knows no such name: those of other systems.
    public let skippedAttributeCount: UInt64
}
