#if canImport(Host)  // the guest's agent compiles this file and the codec as one module
    public import Host
#endif

/// What makes a guest differ from others that continue from the same saved guest: random bytes, and the time.
public struct GuestIdentity: ByteValue {
    /// The number of random bytes.
    public static let seedByteCount = 64
    /// The size of the encoding: the random bytes, the seconds and the nanoseconds.
    public static let byteCount = seedByteCount + 8 + 4

    /// Random bytes of the host, each of them unpredictable.
    public var seed: InlineArray<64, UInt8>
    /// The host's CLOCK_REALTIME: seconds since 1970-01-01 00:00 UTC, at most Int64.max.
    public let seconds: UInt64
    /// The rest of that time in nanoseconds, less than a second.
    public let nanoseconds: UInt32

    public init(seed: InlineArray<64, UInt8>, seconds: UInt64, nanoseconds: UInt32) {
        self.seed = seed
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    public func write(to writer: inout ByteWriter) {
        for index in seed.indices { writer.u8(seed[index]) }
        writer.u64(seconds)
        writer.u32(nanoseconds)
    }

    public init?(from reader: inout ByteReader) {
        seed = InlineArray(repeating: 0)
        for index in seed.indices {
            guard let byte = reader.u8() else { return nil }
            seed[index] = byte
        }
        guard let seconds = reader.u64(), seconds <= UInt64(Int64.max), let nanoseconds = reader.u32(),
            nanoseconds < 1_000_000_000
        else { return nil }
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }
}
