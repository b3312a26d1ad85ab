import Glibc
public import Host

/// Passes the bytes of a file on and makes holes of long runs of zeroes. A block is looked at as far as it is zero, so that
/// ordinary data costs one comparison for each 4 KiB.
public struct HoleFinder {
    /// What file systems allocate, and where a hole begins.
    private static let blockByteCount = 4096
    /// A shorter run is no hole: data that is split there costs more than it saves.
    private static let leastHole: UInt64 = 64 << 10

    /// Zeroes to compare with and to pass on.
    private let zeroes = [UInt8](repeating: 0, count: Int(leastHole))
    /// Where the next byte belongs.
    private var offset: UInt64 = 0
    /// Zeroes that were seen and not passed on; they begin on a whole block.
    private var pending: UInt64 = 0

    public init() {}

    /// Starts a piece of a file at `offset`.
    public mutating func start(at offset: UInt64) {
        (self.offset, pending) = (offset, 0)
    }

    /// Takes the next bytes of the file.
    public mutating func pass(_ bytes: UnsafeRawBufferPointer, into sink: inout some LayerSink)
        throws(Failure)
    {
        // `start..<at` is data that was not passed on. Zeroes are pending only while `at` is 0.
        var (start, at) = (0, 0)
        while at < bytes.count {
            let run = unsafe zeroRun(in: bytes, from: at)
            if run > 0, pending > 0 || run >= Self.leastHole || at + run == bytes.count {
                unsafe try sink.append(ifAny: bytes[start..<at])
                pending &+= UInt64(run)
                start = at + run
            }
            at += run
            guard at < bytes.count else { break }
            try passPending(into: &sink)
            unsafe at += blockRest(at, of: bytes)
        }
        unsafe try sink.append(ifAny: bytes[start..<at])
        offset &+= UInt64(bytes.count)
    }

    /// The file, or its piece, is over.
    public mutating func finish(into sink: inout some LayerSink) throws(Failure) {
        if pending >= Self.leastHole { try sink.appendHole(byteCount: pending.take()) }
        try passPending(into: &sink)
    }

    /// How many bytes there are from `at` to the end of the block of the file, or of `bytes`.
    private func blockRest(_ at: Int, of bytes: UnsafeRawBufferPointer) -> Int {
        let inBlock = Int((offset &+ UInt64(at)) % UInt64(Self.blockByteCount))
        return min(Self.blockByteCount - inBlock, bytes.count - at)
    }

    /// The zeroes from `at` on, in whole blocks or up to the end of `bytes`.
    private func zeroRun(in bytes: UnsafeRawBufferPointer, from at: Int) -> Int {
        // A run begins with a block, or goes on from the bytes before.
        let isAligned = (offset &+ UInt64(at)) % UInt64(Self.blockByteCount) == 0
        guard isAligned || at == 0 && pending > 0 else { return 0 }
        var end = at
        while end < bytes.count {
            let count = unsafe blockRest(end, of: bytes)
            guard unsafe bytes[end] == 0, unsafe memcmp(bytes.baseAddress! + end, zeroes, count) == 0 else {
                break
            }
            end += count
        }
        return end - at
    }

    private mutating func passPending(into sink: inout some LayerSink) throws(Failure) {
        let blocks = pending - pending % UInt64(Self.blockByteCount)
        if blocks >= Self.leastHole {
            try sink.appendHole(byteCount: blocks)
            pending -= blocks
        }
        // Less than a hole.
        let rest = Int(pending.take())
        guard rest > 0 else { return }
        var failure: Failure?
        unsafe zeroes.withUnsafeBytes { all in
            do throws(Failure) {
                unsafe try sink.append(UnsafeRawBufferPointer(rebasing: all[..<rest]))
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}

extension UInt64 {
    /// The number, with 0 in its place.
    fileprivate mutating func take() -> UInt64 {
        defer { self = 0 }
        return self
    }
}

extension LayerSink {
    /// Passes bytes on, if there are any.
    public mutating func append(ifAny bytes: Slice<UnsafeRawBufferPointer>) throws(Failure) {
        if unsafe !bytes.isEmpty { unsafe try append(UnsafeRawBufferPointer(rebasing: bytes)) }
    }
}
