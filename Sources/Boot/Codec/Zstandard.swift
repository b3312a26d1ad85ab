import CCodecs

/// Decompresses Zstandard (RFC 8878): the first frame of the input.
enum Zstandard {
    /// Decompresses the frame in one call: the output then serves as the window, and no other window is
    /// allocated.
    static func decode(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        let frameByteCount = unsafe ZSTD_findFrameCompressedSize(input.baseAddress, input.count)
        try check(frameByteCount)
        let count = unsafe ZSTD_decompress(
            output.baseAddress, output.count, input.baseAddress, frameByteCount)
        try check(count)
        return count
    }

    /// Decompresses as much as the output holds. The window has the size that the frame asks for, but only a
    /// block or two of it is written.
    static func decodeBeginning(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        guard let stream = unsafe ZSTD_createDStream() else { throw .outOfMemory }
        defer { unsafe ZSTD_freeDStream(stream) }
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        while unsafe target.pos < target.size {
            let hint = unsafe ZSTD_decompressStream(stream, &target, &source)
            try check(hint)
            if hint == 0 { break }
            guard unsafe source.pos < source.size || target.pos == target.size else { throw .truncated }
        }
        return unsafe target.pos
    }

    private static func check(_ result: Int) throws(CodecError) {
        guard ZSTD_isError(result) != 0 else { return }
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_dstSize_tooSmall: throw .tooLarge
        case ZSTD_error_srcSize_wrong: throw .truncated
        case ZSTD_error_memory_allocation, ZSTD_error_frameParameter_windowTooLarge: throw .outOfMemory
        default: throw .damaged
        }
    }
}
