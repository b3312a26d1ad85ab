import Host
import Layers

/// An archive as blocks of 512 bytes and the data between them.
///
/// Safe: `rest` points to memory of `source`, which lives as long as this value, and is replaced before the
/// next read from `source` could overwrite that memory.
@safe
struct TarBlocks<Source: ByteSource & ~Copyable>: ~Copyable {
    private(set) var source: Source
    /// The number of bytes read from the archive.
    private(set) var position: UInt64 = 0
    /// The unread rest of the source's last piece.
    private var rest = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    /// The buffer for a block that lies in two pieces.
    private let joined = ByteBuffer(byteCount: TarHeader.byteCount)

    init(_ source: consuming Source) {
        self.source = source
    }

    /// Returns the next block, valid until the next call; nil at the end of the archive.
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

    /// Returns at most `byteCount` of the next bytes, valid until the next call; none at the end of the
    /// archive.
    mutating func take(upTo byteCount: UInt64) throws(Failure) -> UnsafeRawBufferPointer {
        if unsafe rest.isEmpty { unsafe rest = try source.next() }
        let count = unsafe Int(min(byteCount, UInt64(rest.count)))
        let piece = unsafe UnsafeRawBufferPointer(rebasing: rest[..<count])
        unsafe rest = rest.rest(after: count)
        // These bytes exist, so the sum cannot overflow: 2^64 of them take centuries.
        position &+= UInt64(count)
        return unsafe piece
    }

    /// Skips `byteCount` bytes. Throws if the archive ends before.
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

    /// Skips `byteCount` bytes of padding, or fewer at the end of the archive: umoci 0.4 ends an archive
    /// right after its last file's data.
    mutating func skipPadding(_ byteCount: UInt64) throws(Failure) {
        var left = byteCount
        while left > 0 {
            let count = UInt64(unsafe try take(upTo: left).count)
            if count == 0 { return }
            left -= count
        }
    }

    /// Reads and discards the rest.
    mutating func drain() throws(Failure) {
        while unsafe try !take(upTo: .max).isEmpty {}
    }

    static var cure: String { "Download or create it again." }

    func refused(_ why: String) -> Failure { source.refused(why, cure: Self.cure) }

    func truncated(_ place: String) -> Failure {
        refused("it is truncated: it ends \(place), after \(position) bytes")
    }
}
