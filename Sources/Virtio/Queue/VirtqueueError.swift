public import GuestMemory

/// A driver's violation of the rules of a virtqueue. The device answers with DEVICE_NEEDS_RESET (Virtio 1.2,
/// 2.1.2).
public enum VirtqueueError: Error, Hashable, Sendable {
    /// A ring, a table or a buffer is not in RAM.
    case outsideMemory(GuestRange)
    /// The queue's size is no power of two up to 32,768 (2.7), or exceeds the device's maximum.
    case badSize(UInt16)
    /// A table or ring is not aligned as 2.7 demands.
    case misaligned(GuestAddress)
    /// The driver made more descriptor chains available than the queue has descriptors, including those that
    /// the device has popped and not pushed.
    case indexJumped(by: UInt16)
    /// A descriptor's number is not below the table's size.
    case badDescriptorIndex(UInt16)
    /// A chain is longer than the queue, which means a loop (2.7.5.2).
    case chainTooLong
    /// An indirect table has a length that is no positive multiple of 16, or more entries than the queue
    /// (2.7.5.3.1).
    case badIndirectTable(byteCount: UInt32)
    /// An indirect descriptor lies within an indirect table, or has a next descriptor (2.7.5.3.1).
    case nestedIndirect
    /// An indirect descriptor was used although the feature was not negotiated (2.7.5.3.1).
    case indirectNotNegotiated
    /// A device-readable buffer follows a device-writable one (2.7.4.2).
    case readableAfterWritable
    /// The driver set DRIVER_OK without setting up a queue that the device needs (3.1.1, step 7).
    case queueNotReady(Int)
    /// A violation of the rules of the transport or of the device type, with its reason.
    case badRequest(StaticReason)
}

/// A constant text; an enum payload of it costs nothing to build.
public struct StaticReason: Hashable, Sendable, ExpressibleByStringLiteral {
    public let text: String

    public init(stringLiteral text: StaticString) {
        self.text = text.description
    }
}

extension VirtqueueError {
    @inlinable
    public init(_ fault: GuestMemoryFault) {
        self = .outsideMemory(fault.range)
    }
}

extension VirtqueueError: CustomStringConvertible {
    /// The broken rule in a few words, without any text of the guest.
    public var description: String {
        switch self {
        case .outsideMemory(let range): "\(range.byteCount) bytes at \(range.start) are not in RAM"
        case .badSize(let size): "\(size) is not a size of this queue"
        case .misaligned(let address): "a part of a queue at \(address) is not aligned"
        case .indexJumped(let count): "\(count) descriptor chains are more than the queue has descriptors"
        case .badDescriptorIndex(let index): "descriptor \(index) is not in the table"
        case .chainTooLong: "a descriptor chain is longer than its queue"
        case .badIndirectTable(let byteCount): "an indirect table has \(byteCount) bytes"
        case .nestedIndirect: "an indirect descriptor is nested or has a successor"
        case .indirectNotNegotiated: "indirect descriptors were not negotiated"
        case .readableAfterWritable: "a readable buffer follows a writable one"
        case .queueNotReady(let index): "queue \(index) was not set up"
        case .badRequest(let reason): reason.text
        }
    }
}
