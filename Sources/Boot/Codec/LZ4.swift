import CCodecs

/// Decompresses LZ4's legacy frame (LZ4 Frame Format Description, "Legacy frame"): a magic number, then
/// blocks of up to 8 MiB, each after its compressed size. The end of the input is the end of the frame.
enum LZ4 {
    private static let magicByteCount = 4
    private static let blockByteCount = 8 << 20
    /// The largest compressed size of a block: incompressible data grow a little (LZ4_COMPRESSBOUND).
    private static let blockLimit = blockByteCount + blockByteCount / 255 + 16

    static func decode(
        _ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer, _ extent: Codec.Extent
    ) throws(CodecError) -> Int {
        var rest = unsafe input.dropFirst(magicByteCount)
        var done = 0
        while unsafe !rest.isEmpty {
            guard done < output.count else {
                if extent == .beginning { return done }
                throw .tooLarge
            }
            let block = unsafe try nextBlock(&rest)
            done += unsafe try decode(block, UnsafeMutableRawBufferPointer(rebasing: output[done...]))
        }
        return done
    }

    /// Removes a block from `rest` and returns it.
    private static func nextBlock(
        _ rest: inout Slice<UnsafeRawBufferPointer>
    ) throws(CodecError) -> UnsafeRawBufferPointer {
        let field = unsafe UnsafeRawBufferPointer(rebasing: rest)
        guard field.count >= 4 else { throw .truncated }
        let byteCount = unsafe Int(UInt32(littleEndian: field.loadUnaligned(as: UInt32.self)))
        guard byteCount > 0, byteCount <= blockLimit else { throw .damaged }
        guard byteCount <= field.count - 4 else { throw .truncated }
        unsafe rest = unsafe rest.dropFirst(4 + byteCount)
        return unsafe UnsafeRawBufferPointer(rebasing: field[4..<4 + byteCount])
    }

    private static func decode(
        _ block: UnsafeRawBufferPointer, _ output: UnsafeMutableRawBufferPointer
    ) throws(CodecError) -> Int {
        let room = Int32(min(output.count, blockByteCount))
        let count = unsafe LZ4_decompress_safe_partial(
            block.baseAddress?.assumingMemoryBound(to: CChar.self),
            output.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(block.count), room, room)
        guard count > 0 else { throw .damaged }
        return Int(count)
    }
}
