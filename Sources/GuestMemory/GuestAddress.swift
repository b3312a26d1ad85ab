/// An address in the guest's physical address space, in bytes. It cannot be dereferenced: only `GuestMemory`
/// reaches the RAM at the address.
public struct GuestAddress: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt64

    @inlinable
    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    @inlinable
    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    /// Returns the address `byteCount` bytes further on, or nil beyond the end of the 64-bit space.
    @inlinable
    public func advanced(by byteCount: UInt64) -> GuestAddress? {
        let (sum, overflow) = rawValue.addingReportingOverflow(byteCount)
        return overflow ? nil : GuestAddress(sum)
    }

    @inlinable
    public static func < (left: GuestAddress, right: GuestAddress) -> Bool {
        left.rawValue < right.rawValue
    }
}

extension GuestAddress: CustomStringConvertible {
    public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// A range of the guest's physical address space, whether or not RAM lies there.
public struct GuestRange: Hashable, Sendable {
    public let start: GuestAddress
    public let byteCount: UInt64

    @inlinable
    public init(start: GuestAddress, byteCount: UInt64) {
        self.start = start
        self.byteCount = byteCount
    }

    /// The address after the last byte, or nil if the range runs beyond the 64-bit space.
    @inlinable
    public var end: GuestAddress? { start.advanced(by: byteCount) }

    /// Whether the two ranges have a byte in common. A range beyond the 64-bit space overlaps everything.
    public func overlaps(_ other: GuestRange) -> Bool {
        guard let end, let otherEnd = other.end else { return true }
        return start < otherEnd && other.start < end
    }
}
