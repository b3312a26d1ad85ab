import GuestMemory
import Synchronization
import Virtio

/// The result of a request.
struct BlockCompletion: Sendable {
    let status: BlockRequest.Status
    var byteCountToGuest: UInt64 = 0
    var byteCountFromGuest: UInt64 = 0

    /// The used length: the data from the chain's first writable byte on, and the status if the data reach up
    /// to it (2.7.8.2).
    var usedByteCount: UInt32 {
        UInt32(clamping: byteCountToGuest &+ (status == .ok || byteCountToGuest > 0 ? 1 : 0))
    }
}

extension VirtioCounters {
    mutating func note(_ completion: BlockCompletion) {
        requestCount &+= 1
        byteCountToGuest &+= completion.byteCountToGuest
        byteCountFromGuest &+= completion.byteCountFromGuest
        if completion.status != .ok { errorCount &+= 1 }
    }
}

/// Carries out the requests (Virtio 1.2, 5.2.6).
extension BlockServer {
    private static let ioError = BlockCompletion(status: .ioError)

    /// Carries a request out on the disk's thread. Returns nil if the request has to wait and a worker has it
    /// now.
    func begin(
        _ request: BlockRequest, _ chain: borrowing DescriptorChain, _ vectors: inout IOVectors
    ) throws(VirtqueueError) -> BlockCompletion? {
        switch request.kind {
        case .read: return try read(request, chain, &vectors)
        case .write where disk.isReadOnly: return Self.ioError
        case .write where !writesThrough.load(ordering: .acquiring):
            return try write(request, chain, &vectors, durably: false)
        case .identify: return try identify(request, chain)
        case .discard where !features.contains(VirtioBlock.discard),
            .writeZeroes where !features.contains(VirtioBlock.writeZeroes), nil:
            return BlockCompletion(status: .unsupported)
        case .write, .flush, .discard, .writeZeroes:
            return try submit(BlockJob(request: request, chain: copy chain, doneByteCount: 0), &vectors)
        }
    }

    /// Carries a request out; may wait for the host's disk.
    func finish(_ job: BlockJob, _ vectors: inout IOVectors) throws(VirtqueueError) -> BlockCompletion {
        switch job.request.kind {
        case .read: return try readRest(job, &vectors)
        case .write: return try write(job.request, job.chain, &vectors, durably: true)
        case .flush: return BlockCompletion(status: disk.flush() ? .ok : .ioError)
        case .discard, .writeZeroes: return try changeRanges(job)
        case .identify, nil: return BlockCompletion(status: .unsupported)
        }
    }

    private func read(
        _ request: BlockRequest, _ chain: borrowing DescriptorChain, _ vectors: inout IOVectors
    ) throws(VirtqueueError) -> BlockCompletion? {
        guard let offset = disk.offset(ofSector: request.sector, byteCount: request.inByteCount) else {
            return Self.ioError
        }
        try vectors.fill(chain.writable, from: 0, byteCount: request.inByteCount, in: memory)
        switch disk.read(&vectors, at: offset, waiting: false, continues: { continues }) {
        case .done: return BlockCompletion(status: .ok, byteCountToGuest: request.inByteCount)
        case .failed: return Self.ioError
        case .wouldWait:
            let done = request.inByteCount &- vectors.byteCount
            return try submit(BlockJob(request: request, chain: copy chain, doneByteCount: done), &vectors)
        }
    }

    private func readRest(_ job: BlockJob, _ vectors: inout IOVectors) throws(VirtqueueError)
        -> BlockCompletion
    {
        let (request, done) = (job.request, job.doneByteCount)
        guard let offset = disk.offset(ofSector: request.sector, byteCount: request.inByteCount) else {
            return Self.ioError
        }
        let rest = request.inByteCount &- done
        try vectors.fill(job.chain.writable, from: done, byteCount: rest, in: memory)
        let outcome = disk.read(&vectors, at: offset &+ done, waiting: true, continues: { continues })
        guard outcome == .done else { return Self.ioError }
        return BlockCompletion(status: .ok, byteCountToGuest: request.inByteCount)
    }

    private func write(
        _ request: BlockRequest, _ chain: borrowing DescriptorChain, _ vectors: inout IOVectors, durably: Bool
    ) throws(VirtqueueError) -> BlockCompletion {
        let byteCount = request.outByteCount
        guard let offset = disk.offset(ofSector: request.sector, byteCount: byteCount) else {
            return Self.ioError
        }
        try vectors.fill(
            chain.readable, from: BlockRequest.headerByteCount, byteCount: byteCount, in: memory)
        let outcome = disk.write(&vectors, at: offset, durably: durably, continues: { continues })
        guard outcome == .done else { return Self.ioError }
        return BlockCompletion(status: .ok, byteCountFromGuest: byteCount)
    }

    /// Carries out VIRTIO_BLK_T_GET_ID: 20 bytes, padded with zeroes.
    private func identify(
        _ request: BlockRequest, _ chain: borrowing DescriptorChain
    ) throws(VirtqueueError) -> BlockCompletion {
        guard request.inByteCount >= UInt64(Self.identifierByteCount) else { return Self.ioError }
        let padding = [UInt8](repeating: 0, count: Self.identifierByteCount - identifier.count)
        let written = try chain.writable.scatter((identifier + padding)[...], in: memory)
        return BlockCompletion(status: .ok, byteCountToGuest: UInt64(written))
    }

    private func changeRanges(_ job: BlockJob) throws(VirtqueueError) -> BlockCompletion {
        switch try BlockRange.all(of: job.request, job.chain, on: disk, in: memory) {
        case .failure(let failed): return BlockCompletion(status: failed.status)
        case .success(let ranges):
            for range in ranges where range.length > 0 {
                switch change(range, job.request.kind) {
                case .done: break
                case .unsupported: return BlockCompletion(status: .unsupported)
                case .failed: return Self.ioError
                }
            }
            return BlockCompletion(status: .ok)
        }
    }

    private func change(_ range: BlockRange, _ kind: BlockRequest.Kind?) -> DiskFile.HoleOutcome {
        if kind == .discard { return disk.discard(at: range.offset, byteCount: range.length) }
        return disk.writeZeroes(
            at: range.offset, byteCount: range.length, mayUnmap: range.mayUnmap, continues: { continues })
    }
}
