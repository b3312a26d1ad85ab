import Host

/// The file of a machine's state: a frame and the encoded state in it, all little-endian.
///
/// ```
///    0   "vmmstate"
///    8   u32 version of the format
///   12   u64 number of bytes of the payload
///   20   u64 checksum of the payload
///   28   payload: a `MachineState`
/// ```
enum StateFile {
    /// The version of the format. It changes with the fields of any part of a state.
    static let version: UInt32 = 1
    static let headerByteCount = 28
    /// "vmmstate" as a little-endian number.
    private static let magic: UInt64 = 0x6574_6174_736D_6D76

    /// Returns the payload of a whole file. Returns nil if the file is another, of another version, cut off
    /// or changed.
    static func payload(of bytes: [UInt8]) -> ArraySlice<UInt8>? {
        var reader = ByteReader(bytes)
        guard reader.u64() == magic, reader.u32() == version, let byteCount = reader.u64(),
            let checksum = reader.u64(), byteCount == UInt64(bytes.count - headerByteCount)
        else { return nil }
        let payload = bytes[headerByteCount...]
        return self.checksum(payload) == checksum ? payload : nil
    }

    /// Stores the header into the first bytes of a file whose payload follows them.
    static func storeHeader(in file: inout ByteWriter) {
        let payload = file.bytes[headerByteCount...]
        file.store(magic, at: 0)
        file.store(version, at: 8)
        file.store(UInt64(payload.count), at: 12)
        file.store(checksum(payload), at: 20)
    }

    /// Mixes the 64-bit words of `bytes`, the last filled up with zeroes, into a number.
    ///
    /// It finds damage and not forgery: whoever can write the file can write its checksum too. Each step is
    /// reversible, so a change within one word always changes the result, and so does any single bit. The
    /// shift brings the high bits down, from where the next multiplication spreads them again.
    ///
    /// Each start reads a whole state, so a step has five instructions for eight bytes; CRC64 looks each byte
    /// up in a table. Four sums take turns, so that no multiplication waits for the one before.
    static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        let wholeByteCount = bytes.count & ~7
        let last = bytes.suffix(bytes.count - wholeByteCount).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        return unsafe bytes.withUnsafeBytes { bytes in
            // Each offset below lies eight bytes before `wholeByteCount` at the latest.
            func word(_ offset: Int) -> UInt64 {
                UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            }
            var sums: (UInt64, UInt64, UInt64, UInt64) = (1, 2, 3, 4)
            var offset = 0
            while offset &+ 32 <= wholeByteCount {
                sums.0 = mix(sums.0, word(offset))
                sums.1 = mix(sums.1, word(offset &+ 8))
                sums.2 = mix(sums.2, word(offset &+ 16))
                sums.3 = mix(sums.3, word(offset &+ 24))
                offset &+= 32
            }
            var sum = mix(mix(mix(mix(0, sums.0), sums.1), sums.2), sums.3)
            while offset < wholeByteCount {
                sum = mix(sum, word(offset))
                offset &+= 8
            }
            return mix(sum, last)
        }
    }

    private static func mix(_ sum: UInt64, _ word: UInt64) -> UInt64 {
        // The factor is odd, so that the multiplication is reversible: 2^64 divided by the golden ratio.
        let product = (sum ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }
}

extension MachineState {
    /// The contents of the state's file.
    var fileBytes: [UInt8] {
        var file = ByteWriter(zeroes: StateFile.headerByteCount)
        write(to: &file)
        StateFile.storeHeader(in: &file)
        return file.bytes
    }

    /// Decodes the contents of a state's file. Returns nil if they are damaged or not a state.
    init?(fileBytes: [UInt8]) {
        guard let payload = StateFile.payload(of: fileBytes) else { return nil }
        self.init(payload: payload)
    }
}
