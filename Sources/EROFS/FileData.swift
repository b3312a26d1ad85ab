import Host

/// The data of one big file on their way into the image. A grain of zeroes is not stored: the file then has a
/// map of chunks, which are as large as its holes allow.
struct FileData {
    /// The size below which a hole costs more, in the map and in shorter mappings, than it saves.
    private static let smallestGrain: UInt64 = 64 << 10
    /// The limit on a file's grains, and so on its map: 64 KiB.
    private static let grainLimit: UInt64 = 16 << 10
    /// The largest file, 64 PiB: its grains are as large as the largest chunk.
    static let largestFile: UInt64 = 1 << 56

    let byteCount: UInt64
    private let grainByteCount: UInt64
    private let firstBlock: UInt64
    private var position: UInt64 = 0
    /// The number of zeroes at the start of this grain that were not written.
    private var pendingZeroCount: UInt64 = 0
    private var grainHasData = false
    private var runs: [Run] = []

    private struct Run {
        var firstGrain: UInt64
        var isHole: Bool
        /// The block of the data of the run's first grain.
        var block: UInt64
    }

    /// Starts a file of `byteCount` bytes whose first stored bytes go to `firstBlock`.
    init(byteCount: UInt64, firstBlock: UInt64) {
        self.byteCount = byteCount
        self.firstBlock = firstBlock
        let share = byteCount / Self.grainLimit
        grainByteCount = max(Self.smallestGrain, 1 << UInt64(UInt64.bitWidth - share.leadingZeroBitCount))
    }

    var isComplete: Bool { position == byteCount }
    var remainingByteCount: UInt64 { byteCount - position }

    mutating func append(_ bytes: UnsafeRawBufferPointer, to output: inout OutputFile) throws(Failure) {
        var rest = unsafe bytes
        while unsafe !rest.isEmpty {
            let count = Int(min(UInt64(rest.count), grainRoom))
            let piece = unsafe UnsafeRawBufferPointer(rebasing: rest[..<count])
            unsafe rest = unsafe UnsafeRawBufferPointer(rebasing: rest[count...])
            if unsafe grainHasData || !piece.isZero {
                try beginData(in: &output)
                unsafe try output.append(piece)
            } else {
                pendingZeroCount += UInt64(count)
            }
            advance(UInt64(count))
        }
    }

    mutating func append(zeroes byteCount: UInt64, to output: inout OutputFile) throws(Failure) {
        var rest = byteCount
        while rest > 0 {
            let count = min(rest, grainRoom)
            if grainHasData {
                try output.append(zeroes: count)
            } else {
                pendingZeroCount += count
            }
            advance(count)
            rest -= count
        }
    }

    private var grainRoom: UInt64 { grainByteCount - position % grainByteCount }

    private mutating func beginData(in output: inout OutputFile) throws(Failure) {
        try output.append(zeroes: pendingZeroCount)
        pendingZeroCount = 0
        grainHasData = true
    }

    private mutating func advance(_ count: UInt64) {
        position += count
        if position % grainByteCount == 0 || isComplete { endGrain() }
    }

    private mutating func endGrain() {
        let grain = (position - 1) / grainByteCount
        if runs.last?.isHole != !grainHasData {
            runs.append(Run(firstGrain: grain, isHole: !grainHasData, block: nextBlock(at: grain)))
        }
        pendingZeroCount = 0
        grainHasData = false
    }

    /// Returns the block for the data of `grain`, which begins a run.
    private func nextBlock(at grain: UInt64) -> UInt64 {
        guard let last = runs.last else { return firstBlock }
        return last.isHole ? last.block : last.block + (grain - last.firstGrain) * blocksPerGrain
    }

    private var blocksPerGrain: UInt64 { grainByteCount / Erofs.blockByteCount }
}

extension FileData {
    var layout: Erofs.DataLayout { runs.contains(where: \.isHole) ? .chunked : .plain }

    /// i_u of the complete file's inode.
    var place: UInt32 {
        layout == .plain ? UInt32(truncatingIfNeeded: firstBlock) : UInt32(chunkBits)
    }

    /// log2 of the blocks in a chunk: the largest at which no chunk is both data and hole.
    private var chunkBits: Int {
        let grainBits = blocksPerGrain.trailingZeroBitCount
        let borders = runs.dropFirst().reduce(0) { $0 | $1.firstGrain }
        let bits =
            borders == 0
            ? UInt64.bitWidth - ((byteCount - 1) / Erofs.blockByteCount).leadingZeroBitCount
            : grainBits + borders.trailingZeroBitCount
        return min(bits, Erofs.largestChunkBits)
    }

    /// Appends the map of a chunked file: a block number or a hole for each chunk.
    func appendMap(to record: inout ByteWriter) {
        let chunkByteCount = Erofs.blockByteCount << UInt64(chunkBits)
        let grainsPerChunk = max(1, chunkByteCount / grainByteCount)
        var next = runs[...]
        var run = next.removeFirst()
        for chunk in 0..<(byteCount - 1) / chunkByteCount + 1 {
            let grain = chunk * grainsPerChunk
            while let following = next.first, following.firstGrain <= grain { run = next.removeFirst() }
            let block = run.block + (grain - run.firstGrain) * blocksPerGrain
            record.append(run.isHole ? Erofs.hole : UInt32(truncatingIfNeeded: block))
        }
    }
}
