import Host
import Layers

/// An archive as blocks of 512 bytes, and as the bytes between them.
@safe
struct TarBlocks<Source: ByteSource & ~Copyable>: ~Copyable {
    private(set) var source: Source
    /// How many bytes of the archive were read.
    private(set) var position: UInt64 = 0
    /// What is left of the piece that the source gave last.
    private var rest = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// A block that lies in two pieces.
    private let joined = ByteBuffer(byteCount: TarHeader.byteCount)

    init(_ source: consuming Source) {
        self.source = source
    }

    /// The next block, good until the next call; nil where the archive ends.
    mutating func next() throws(Failure) -> UnsafeRawBufferPointer? {
        var done = 0
        while done < TarHeader.byteCount {
            let piece = unsafe try take(upTo: UInt64(TarHeader.byteCount - done))
            if unsafe piece.isEmpty {
                guard done == 0 else { throw truncated("in the middle of a block") }
                return nil
            }
            if piece.count == TarHeader.byteCount { return unsafe piece }
            unsafe UnsafeMutableRawBufferPointer(rebasing: joined.bytes[done...]).copyMemory(from: piece)
            done += piece.count
        }
        return unsafe joined.prefix(done)
    }

    /// The next bytes, `byteCount` at the most, good until the next call; none where the archive ends.
    mutating func take(upTo byteCount: UInt64) throws(Failure) -> UnsafeRawBufferPointer {
        if unsafe rest.isEmpty { unsafe rest = try source.next() }
        let count = unsafe Int(min(byteCount, UInt64(rest.count)))
        let piece = unsafe UnsafeRawBufferPointer(rebasing: rest[..<count])
        unsafe rest = rest.rest(after: count)
        // Bytes that were really there: 2^64 of them take centuries.
        position &+= UInt64(count)
        return unsafe piece
    }

    /// Passes over `byteCount` bytes, which must be there.
    mutating func skip(_ byteCount: UInt64) throws(Failure) {
        var left = byteCount
        while left > 0 {
            var count: UInt64 = 0
            if unsafe rest.isEmpty {
                count = try source.skip(left)
                position &+= count
            }
            if count == 0 { count = UInt64(unsafe try take(upTo: left).count) }
            guard count > 0 else { throw truncated("in the middle of a file") }
            left -= count
        }
    }

    /// Passes over `byteCount` bytes, or over what there is of them: umoci 0.4 ends an archive behind its last file's data.
    mutating func skipPadding(_ byteCount: UInt64) throws(Failure) {
        var left = byteCount
        while left > 0 {
            let count = UInt64(unsafe try take(upTo: left).count)
            if count == 0 { return }
            left -= count
        }
    }

    /// Reads all that is left.
    mutating func drain() throws(Failure) {
        while unsafe try !take(upTo: .max).isEmpty {}
    }

    static var cure: String { "Fetch or write it again." }

    func refused(_ why: String) -> Failure { source.refused(why, cure: Self.cure) }

    func truncated(_ place: String) -> Failure {
        refused("it is truncated: it ends \(place), after \(position) bytes")
    }
}
