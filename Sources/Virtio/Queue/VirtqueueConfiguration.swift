public import GuestMemory
public import Host

/// The driver's settings of one queue: plain values, so that they can be saved and restored.
public struct VirtqueueConfiguration: Hashable, Sendable {
    /// The number of descriptors; a power of two (Virtio 1.2, 2.7).
    public var size: UInt16
    /// The descriptor table: 16 bytes for each entry, aligned to 16 (2.7.5).
    public var descriptorTable = GuestAddress(0)
    /// The available ring, written by the driver: flags, idx, ring[size], used_event; aligned to 2 (2.7.6).
    public var availableRing = GuestAddress(0)
    /// The used ring, written by the device: flags, idx, ring[size] of 8 bytes, avail_event; aligned to 4
    /// (2.7.8).
    public var usedRing = GuestAddress(0)
    /// Whether the device may use the queue: QueueReady (4.2.2.1).
    public var isReady = false

    /// Makes the settings of a queue of `size` descriptors that is not set up yet.
    public init(size: UInt16) {
        self.size = size
    }

    /// The maximum number of descriptors of a queue (2.7).
    public static let maximumSize: UInt16 = 32768

    /// A part of the queue in guest memory.
    public enum Part: Hashable, Sendable {
        case descriptorTable, availableRing, usedRing
    }

    /// The address of a part.
    public subscript(part: Part) -> GuestAddress {
        get {
            switch part {
            case .descriptorTable: descriptorTable
            case .availableRing: availableRing
            case .usedRing: usedRing
            }
        }
        set {
            switch part {
            case .descriptorTable: descriptorTable = newValue
            case .availableRing: availableRing = newValue
            case .usedRing: usedRing = newValue
            }
        }
    }

    var descriptorRange: GuestRange { GuestRange(start: descriptorTable, byteCount: 16 &* UInt64(size)) }
    var availableRange: GuestRange { GuestRange(start: availableRing, byteCount: 6 &+ 2 &* UInt64(size)) }
    var usedRange: GuestRange { GuestRange(start: usedRing, byteCount: 6 &+ 8 &* UInt64(size)) }
}

extension VirtqueueConfiguration: ByteValue {
    public func write(to writer: inout ByteWriter) {
        writer.u16(size)
        writer.u64(descriptorTable.rawValue)
        writer.u64(availableRing.rawValue)
        writer.u64(usedRing.rawValue)
        writer.flag(isReady)
    }

    public init?(from reader: inout ByteReader) {
        guard let size = reader.u16(), let descriptorTable = reader.u64(), let availableRing = reader.u64(),
            let usedRing = reader.u64(), let isReady = reader.flag()
        else { return nil }
        self.init(size: size)
        self.descriptorTable = GuestAddress(descriptorTable)
        self.availableRing = GuestAddress(availableRing)
        self.usedRing = GuestAddress(usedRing)
        self.isReady = isReady
    }
}

/// The position of a device in a queue: plain values that can be saved and restored together with the guest's
/// memory. The queue's place in memory is part of the transport's state (`VirtioNegotiation.State`).
public struct VirtqueueState: Hashable, Sendable {
    /// The index in the available ring of the next chain to pop; it wraps at 65,536.
    public var nextAvailable: UInt16 = 0
    /// The index in the used ring of the next entry to fill; it wraps at 65,536.
    public var nextUsed: UInt16 = 0
    /// The value of `nextUsed` when `needsInterrupt` last decided whether to interrupt the driver.
    public var signalledUsed: UInt16 = 0

    public init() {}
}

extension VirtqueueState: FixedByteValue {
    public static var encodedByteCount: Int { 6 }

    public func write(to writer: inout ByteWriter) {
        for index in [nextAvailable, nextUsed, signalledUsed] { writer.u16(index) }
    }

    public init(_ bytes: RawSpan) {
        nextAvailable = bytes.field(at: 0)
        nextUsed = bytes.field(at: 2)
        signalledUsed = bytes.field(at: 4)
    }
}
