import GuestMemory
import Virtio

/// A chain's buffers as one run of bytes, independent of where the driver has cut it.
extension Collection where Element == GuestRange, Index == Int {
    /// Returns the part of one buffer that starts `offset` bytes into the run, at most `limit` bytes long;
    /// nil at the end.
    func piece(at offset: UInt64, limit: UInt64) -> GuestRange? {
        var skip = offset
        for buffer in self {
            if skip < buffer.byteCount, let start = buffer.start.advanced(by: skip) {
                return GuestRange(start: start, byteCount: Swift.min(limit, buffer.byteCount &- skip))
            }
            skip &-= Swift.min(skip, buffer.byteCount)
        }
        return nil
    }

    /// Reads the little-endian word `offset` bytes into the run. Bytes beyond the run's end count as zero.
    func word(at offset: UInt64, in memory: GuestMemory) throws(VirtqueueError) -> UInt64 {
        if let whole = piece(at: offset, limit: 8), whole.byteCount == 8 {
            return try guarded { () throws(GuestMemoryFault) in try memory.load(at: whole.start) }
        }
        var word: UInt64 = 0
        for index in 0..<UInt64(8) {
            guard let byte = piece(at: offset &+ index, limit: 1) else { break }
            let value: UInt8 = try guarded { () throws(GuestMemoryFault) in try memory.load(at: byte.start) }
            word |= UInt64(value) << (8 &* index)
        }
        return word
    }

    /// Writes a little-endian word to the start of the run. Returns false if there is no room for all of it.
    func store(_ word: UInt32, in memory: GuestMemory) throws(VirtqueueError) -> Bool {
        if let whole = piece(at: 0, limit: 4), whole.byteCount == 4 {
            try guarded { () throws(GuestMemoryFault) in try memory.store(word, at: whole.start) }
            return true
        }
        for index in 0..<UInt64(4) {
            guard let byte = piece(at: index, limit: 1) else { return false }
            let value = UInt8(truncatingIfNeeded: word >> UInt32(8 &* index))
            try guarded { () throws(GuestMemoryFault) in try memory.store(value, at: byte.start) }
        }
        return true
    }

    /// Copies `bytes` into the run from its start, as far as there is room; returns the number of bytes
    /// copied.
    func scatter(_ bytes: ArraySlice<UInt8>, in memory: GuestMemory) throws(VirtqueueError) -> Int {
        var rest = bytes
        for buffer in self where !rest.isEmpty {
            let part = rest.prefix(Int(clamping: buffer.byteCount))
            try memory.write(part, at: buffer.start)
            rest = rest.dropFirst(part.count)
        }
        return bytes.count - rest.count
    }
}

extension GuestMemory {
    fileprivate func write(_ bytes: ArraySlice<UInt8>, at address: GuestAddress) throws(VirtqueueError) {
        var fault: GuestMemoryFault?
        unsafe bytes.withUnsafeBytes { source in
            do throws(GuestMemoryFault) { unsafe try write(source, at: address) } catch { fault = error }
        }
        if let fault { throw VirtqueueError(fault) }
    }
}
