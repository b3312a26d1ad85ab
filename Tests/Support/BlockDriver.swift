import GuestMemory

/// The contents of a block driver's descriptor chains (Virtio 1.2, 5.2.6).
public enum BlockDriver {
    public static let read: UInt32 = 0
    public static let write: UInt32 = 1
    public static let flush: UInt32 = 4
    public static let identify: UInt32 = 8
    public static let discard: UInt32 = 11
    public static let writeZeroes: UInt32 = 13

    public static let ok: UInt8 = 0
    public static let ioError: UInt8 = 1
    public static let unsupported: UInt8 = 2

    public static func header(_ type: UInt32, sector: UInt64) -> [UInt8] {
        bytes(type) + bytes(UInt32(0)) + bytes(sector)
    }

    /// Makes a range of a discard or write zeroes request.
    public static func range(sector: UInt64, count: UInt32, flags: UInt32 = 0) -> [UInt8] {
        bytes(sector) + bytes(count) + bytes(flags)
    }

    public static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}

/// The result of a block request.
public struct BlockAnswer: Hashable, Sendable {
    public let status: UInt8
    public let usedByteCount: UInt32
    /// The data that was read.
    public let data: [UInt8]

    public init(status: UInt8, usedByteCount: UInt32, data: [UInt8]) {
        self.status = status
        self.usedByteCount = usedByteCount
        self.data = data
    }
}

extension VirtioDriver {
    /// Sends a request with the data `out` after its header and room for `inByteCount` bytes before its
    /// status, and waits for the result.
    public func block(
        _ type: UInt32, sector: UInt64 = 0, out: [UInt8] = [], inByteCount: UInt64 = 0, indirect: Bool = false
    ) throws -> BlockAnswer {
        let status = try memory.allocate([0xEE])
        let data = memory.allocate(inByteCount)
        var buffers: [DriverBuffer] = [
            .readable(try memory.allocate(BlockDriver.header(type, sector: sector)))
        ]
        if !out.isEmpty { buffers.append(.readable(try memory.allocate(out))) }
        if inByteCount > 0 { buffers.append(.writable(data)) }
        buffers.append(.writable(status))
        let used = try request(buffers, indirect: indirect)
        return BlockAnswer(
            status: try memory.bytes(status)[0], usedByteCount: used, data: try memory.bytes(data))
    }
}
