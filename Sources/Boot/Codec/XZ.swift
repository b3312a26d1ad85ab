import CCodecs

/// Decompresses .xz (The .xz File Format 1.1) with liblzma, which includes the x86 filter that the kernel's
/// build applies.
enum XZ {
    static func decode(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ extent: Codec.Extent
    ) throws(CodecError) -> Int {
        var stream = unsafe lzma_stream()
        guard unsafe lzma_stream_decoder(&stream, Codec.memoryLimit, 0) == LZMA_OK else { throw .outOfMemory }
        defer { unsafe lzma_end(&stream) }
        unsafe stream.next_in = unsafe input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.avail_in = input.count
        unsafe stream.next_out = unsafe output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        unsafe stream.avail_out = output.count
        var result = LZMA_OK
        // One call is enough, except for the end of a stream whose output just fits.
        while result == LZMA_OK, unsafe extent == .everything || stream.avail_out > 0 {
            result = unsafe lzma_code(&stream, LZMA_FINISH)
        }
        try unsafe check(result, isFull: stream.avail_out == 0)
        return unsafe output.count - stream.avail_out
    }

    private static func check(_ result: lzma_ret, isFull: Bool) throws(CodecError) {
        switch result {
        case LZMA_STREAM_END, LZMA_OK: return
        case LZMA_BUF_ERROR: throw isFull ? .tooLarge : .truncated
        case LZMA_MEM_ERROR, LZMA_MEMLIMIT_ERROR: throw .outOfMemory
        default: throw .damaged
        }
    }
}
