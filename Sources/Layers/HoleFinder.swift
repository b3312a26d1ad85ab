import Glibc
public import Host

/// A filter that passes on the bytes of a file and turns long runs of zeroes into holes. It reads a block
/// only as far as it is zero, so ordinary data cost one comparison for each 4 KiB.
public struct HoleFinder {
    /// The size of the blocks that file systems allocate; a hole begins at one.
    private static let blockByteCount = 4096
    /// The shortest hole. Splitting data for a shorter one costs more than it saves.
    private static let leastHole: UInt64 = 64 << 10

    /// Zeroes to compare with and to pass on.
    private let zeroes = [UInt8](repeating: 0, count: Int(leastHole))
    /// The offset of the next byte in the file.
    private var offset: UInt64 = 0
    /// The number of zeroes that were read and not passed on; they begin at a block.
    private var pending: UInt64 = 0

    public init() {}

    /// Starts a piece of a file at `offset`.
    public mutating func start(at offset: UInt64) {
        (self.offset, pending) = (offset, 0)
    }

    /// Passes on the next bytes of the file.
    public mutating func pass(_ bytes: UnsafeRawBufferPointer, into sink: inout some LayerSink)
        throws(Failure)
    {
        // `start..<at` is data that has not been passed on yet. Zeroes are pending only while `at` is 0.
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

    /// Ends the file, or the piece of it.
    public mutating func finish(into sink: inout some LayerSink) throws(Failure) {
        if pending >= Self.leastHole { try sink.appendHole(byteCount: pending.take()) }
        try passPending(into: &sink)
    }

    /// Returns the number of bytes from `at` to the end of the file's block, or of `bytes`.
    private func blockRest(_ at: Int, of bytes: UnsafeRawBufferPointer) -> Int {
        let inBlock = Int((offset &+ UInt64(at)) % UInt64(Self.blockByteCount))
        return min(Self.blockByteCount - inBlock, bytes.count - at)
    }

    /// Returns the number of zeroes from `at` on, in whole blocks or up to the end of `bytes`.
    private func zeroRun(in bytes: UnsafeRawBufferPointer, from at: Int) -> Int {
        // A run begins at a block, or continues the zeroes of the bytes before.
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
        // The rest is shorter than a hole.
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
    /// Returns the number and sets it to 0.
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
