import CCodecs

/// Writes bzImages around a payload (Linux x86 boot protocol, "The Real-Mode Kernel Header").
struct BzImageWriter {
    var payload: [UInt8]
    var setupSectors: UInt8 = 4
    var version: UInt16 = 0x020F
    var loadFlags: UInt16 = 0b11
    var initramfsLimit: UInt32 = 0x7FFF_FFFF
    var commandLineByteCount: UInt32 = 2047
    var payloadOffset: UInt32 = 0x400
    var payloadByteCount: UInt32
    var preferredAddress: UInt64 = 0x100_0000
    var initByteCount: UInt32 = 0x20_0000

    /// A bzImage with `kernel`, compressed by `codec`.
    init(_ kernel: [UInt8], _ compression: Compression) {
        self.init(payload: compression.payload(of: kernel))
    }

    init(payload: [UInt8]) {
        self.payload = payload
        payloadByteCount = UInt32(payload.count)
    }

    static let codeOffset = 5 * 512
    var code: [UInt8] { noise(0x400, seed: 99) + payload }

    var bytes: [UInt8] {
        var head = [UInt8](repeating: 0, count: Self.codeOffset)
        func put(_ value: some FixedWidthInteger, _ offset: Int) {
            head.replaceSubrange(offset..<offset + value.bitWidth / 8, with: little(value))
        }
        put(setupSectors, 0x1F1)
        put(UInt16(0xAA55), 0x1FE)
        put(UInt8(0x6A), 0x201)
        head.replaceSubrange(0x202..<0x206, with: Array("HdrS".utf8))
        put(version, 0x206)
        put(initramfsLimit, 0x22C)
        put(UInt32(0x20_0000), 0x230)
        put(loadFlags, 0x236)
        put(commandLineByteCount, 0x238)
        put(payloadOffset, 0x248)
        put(payloadByteCount, 0x24C)
        put(preferredAddress, 0x258)
        put(initByteCount, 0x260)
        return head + code
    }
}

/// The compressors, as the kernel's build uses them.
enum Compression: String, CaseIterable {
    case gzip, lz4, xz, zstd

    /// What a bzImage holds: all but gzip with the size of the original appended.
    func payload(of bytes: [UInt8]) -> [UInt8] {
        self == .gzip ? file(of: bytes) : file(of: bytes) + little(UInt32(bytes.count))
    }

    /// What the tool of that name would write.
    func file(of bytes: [UInt8]) -> [UInt8] {
        switch self {
        case .gzip: gzip(bytes)
        case .lz4: lz4(bytes)
        case .xz: xz(bytes)
        case .zstd:
            unsafe written(ZSTD_compressBound(bytes.count)) {
                unsafe ZSTD_compress($0, $1, bytes, bytes.count, 3)
            }
        }
    }

    private func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var stream = unsafe z_stream()
        let size = unsafe Int32(MemoryLayout<z_stream>.size)
        precondition(
            unsafe deflateInit2_(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
                == Z_OK)
        defer { unsafe deflateEnd(&stream) }
        var input = bytes
        return unsafe input.withUnsafeMutableBufferPointer { source in
            unsafe stream.next_in = source.baseAddress
            unsafe stream.avail_in = UInt32(source.count)
            return unsafe written(bytes.count + bytes.count / 10 + 100) { output, room in
                unsafe stream.next_out = output.assumingMemoryBound(to: UInt8.self)
                unsafe stream.avail_out = UInt32(room)
                precondition(unsafe deflate(&stream, Z_FINISH) == Z_STREAM_END)
                return unsafe room - Int(stream.avail_out)
            }
        }
    }

    private func lz4(_ bytes: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = [0x02, 0x21, 0x4C, 0x18]
        for start in stride(from: 0, to: bytes.count, by: 8 << 20) {
            let block = Array(bytes[start..<min(start + 8 << 20, bytes.count)])
            let packed = unsafe block.withUnsafeBufferPointer { source in
                unsafe source.withMemoryRebound(to: CChar.self) { source in
                    unsafe written(Int(LZ4_compressBound(Int32(source.count)))) { output, room in
                        let target = unsafe output.assumingMemoryBound(to: CChar.self)
                        return unsafe Int(
                            LZ4_compress_default(source.baseAddress, target, Int32(source.count), Int32(room))
                        )
                    }
                }
            }
            frame += little(UInt32(packed.count)) + packed
        }
        return frame
    }

    /// With the x86 filter before LZMA2.
    private func xz(_ bytes: [UInt8]) -> [UInt8] {
        var options = unsafe lzma_options_lzma()
        precondition(unsafe lzma_lzma_preset(&options, 0) == 0)
        return unsafe withUnsafeMutablePointer(to: &options) { options in
            var filters = unsafe [
                lzma_filter(id: lzma_vli(0x04), options: nil),
                lzma_filter(id: lzma_vli(0x21), options: UnsafeMutableRawPointer(options)),
                lzma_filter(id: lzma_vli.max, options: nil),
            ]
            return unsafe written(lzma_stream_buffer_bound(bytes.count)) { output, room in
                var count = 0
                let result = unsafe lzma_stream_buffer_encode(
                    &filters, LZMA_CHECK_CRC32, nil, bytes, bytes.count,
                    output.assumingMemoryBound(to: UInt8.self), &count, room)
                precondition(result == LZMA_OK)
                return count
            }
        }
    }

    private func written(_ room: Int, _ body: (UnsafeMutableRawPointer, Int) -> Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            count = unsafe body(UnsafeMutableRawPointer(buffer.baseAddress!), room)
        }
    }
}
