import CCodecs

/// Zstandard (RFC 8878): any number of frames. The window of a frame is what the frame asks for, but no more than the 128 MiB
/// that libzstd allows a stream (ZSTD_WINDOWLOG_LIMIT_DEFAULT).
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
        // What a full output left behind in the decompressor comes without new input.
        repeat {
            let before = unsafe (source.pos, target.pos)
            let hint = unsafe ZSTD_decompressStream(stream, &target, &source)
            try check(hint)
            // Asked again after the last frame, it only says how much it would like of another.
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
