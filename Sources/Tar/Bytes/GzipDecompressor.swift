import CCodecs

/// A decompressor for gzip (RFC 1952) by zlib. It accepts any number of members, and zeroes after the last
/// one (padding of tapes and of block devices).
///
/// Safe: only this object uses the state, which lives as long as it. zlib's pointers to input and output are
/// set before each call and not used after it.
@safe
final class GzipDecompressor: Decompressor {
    static let name = "gzip"

    /// The stream's state. It must not move, because zlib's internal state points to it.
    private let stream: UnsafeMutablePointer<z_stream>
    private var place = Place.start

    private enum Place {
        case start, member, between
    }

    init() throws(DecompressionError) {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // The window is 32 KiB, with a gzip header.
        let windowBits: Int32 = 15 + 16
        let result = unsafe inflateInit2_(
            stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard result == Z_OK else { throw .outOfMemory }
    }

    deinit {
        unsafe inflateEnd(stream)
        unsafe stream.deallocate()
    }

    var isComplete: Bool { place == .between }

    func unpack(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(DecompressionError) -> Int {
        var done = 0
        while done < output.count, unsafe try isMemberNext(in: &input) {
            done += unsafe try inflateSome(&input, into: output, from: done)
        }
        return done
    }

    /// Skips the padding between members. Returns whether there is input for a member.
    private func isMemberNext(in input: inout UnsafeRawBufferPointer) throws(DecompressionError) -> Bool {
        if place == .between {
            let padding = unsafe input.firstIndex { $0 != 0 } ?? input.count
            unsafe input = input.rest(after: padding)
        }
        guard unsafe !input.isEmpty else { return false }
        if place == .between, unsafe inflateReset(stream) != Z_OK { throw .damaged }
        place = .member
        return true
    }

    private func inflateSome(
        _ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer, from start: Int
    ) throws(DecompressionError) -> Int {
        let given = UInt32(clamping: input.count)
        let room = UInt32(clamping: output.count - start)
        unsafe stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: Bytef.self))
        unsafe stream.pointee.avail_in = given
        unsafe stream.pointee.next_out = (output.baseAddress! + start).assumingMemoryBound(to: Bytef.self)
        unsafe stream.pointee.avail_out = room
        try check(unsafe inflate(stream, Z_NO_FLUSH))
        unsafe input = input.rest(after: Int(given - stream.pointee.avail_in))
        return unsafe Int(room - stream.pointee.avail_out)
    }

    private func check(_ result: Int32) throws(DecompressionError) {
        switch result {
        // Z_BUF_ERROR means that zlib needs more input or more room.
        case Z_OK, Z_BUF_ERROR: return
        case Z_STREAM_END: place = .between
        case Z_MEM_ERROR: throw .outOfMemory
        default: throw .damaged
        }
    }
}
