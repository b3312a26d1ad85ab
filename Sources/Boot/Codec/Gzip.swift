import CCodecs

/// Decompresses gzip (RFC 1952) with zlib.
enum Gzip {
    static func decode(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ extent: Codec.Extent
    ) throws(CodecError) -> Int {
        var stream = unsafe z_stream()
        // A window of 32 KiB, and a gzip header.
        let windowBits: Int32 = 15 + 16
        let opened = unsafe inflateInit2_(
            &stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard opened == Z_OK else { throw .outOfMemory }
        defer { unsafe inflateEnd(&stream) }
        unsafe stream.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
        unsafe stream.avail_in = UInt32(clamping: input.count)
        unsafe stream.next_out = unsafe output.baseAddress?.assumingMemoryBound(to: Bytef.self)
        let room = UInt32(clamping: output.count)
        unsafe stream.avail_out = room
        // inflate(3) keeps no window of its own if one call gets all of the output's room.
        let result = unsafe inflate(&stream, extent == .everything ? Z_FINISH : Z_SYNC_FLUSH)
        try unsafe check(result, isFull: stream.avail_out == 0, extent)
        return unsafe Int(room - stream.avail_out)
    }

    private static func check(_ result: Int32, isFull: Bool, _ extent: Codec.Extent) throws(CodecError) {
        switch result {
        case Z_STREAM_END: return
        case Z_OK where extent == .beginning && isFull: return
        case Z_OK, Z_BUF_ERROR: throw isFull ? .tooLarge : .truncated
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .damaged
        }
    }
}
