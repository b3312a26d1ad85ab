import CCodecs

/// A decompressor for Zstandard (RFC 8878) with any number of frames. A frame's window may have at most the
/// 128 MiB that libzstd allows a stream (ZSTD_WINDOWLOG_LIMIT_DEFAULT).
///
/// Safe: only this object uses the stream, which is freed with it, and libzstd keeps no pointer to the input
/// or the output.
@safe
final class ZstandardDecompressor: Decompressor {
    static let name = "zstd"

    private let stream: OpaquePointer
    private(set) var isComplete = false

    init() throws(DecompressionError) {
        guard let stream = unsafe ZSTD_createDStream() else { throw .outOfMemory }
        unsafe self.stream = stream
    }

    deinit {
        unsafe ZSTD_freeDStream(stream)
    }

    func unpack(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionError) -> Int {
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        // Call at least once: output that did not fit before comes without new input.
        repeat {
            let before = unsafe (source.pos, target.pos)
            let hint = unsafe ZSTD_decompressStream(stream, &target, &source)
            try check(hint)
            // After the last frame, a further call only hints at the size of another frame.
            if unsafe (source.pos, target.pos) != before { isComplete = hint == 0 }
        } while unsafe target.pos < target.size && source.pos < source.size
        unsafe input = input.rest(after: source.pos)
        return unsafe target.pos
    }

    private func check(_ result: Int) throws(DecompressionError) {
        guard ZSTD_isError(result) != 0 else { return }
        switch ZSTD_getErrorCode(result) {
        case ZSTD_error_memory_allocation, ZSTD_error_frameParameter_windowTooLarge: throw .outOfMemory
        default: throw .damaged
        }
    }
}
