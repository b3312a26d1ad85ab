import Host
import Layers

/// The inodes of merged layers as the index stores them: block numbers count from the index's start.
struct LayerSource: InodeSource {
    private let layers: [ErofsReader]
    private let tree: FileTree
    /// The first block of each layer.
    private var firstBlocks: [UInt64] = []

    init(_ merge: LayerMerge) {
        layers = merge.layers
        tree = merge.tree
        firstBlocks = Array(repeating: 0, count: layers.count)
    }

    /// Places the layers behind an index of `indexBlockCount` blocks.
    mutating func place(behind indexBlockCount: UInt64) throws(Failure) {
        var next = indexBlockCount
        for layer in layers.indices {
            firstBlocks[layer] = next
            next += layers[layer].map.byteCount / Erofs.blockByteCount
        }
        _ = try blockCount(behind: indexBlockCount)
    }

    /// Returns the number of blocks of the whole image. Throws if the image is too large.
    func blockCount(behind indexBlockCount: UInt64) throws(Failure) -> UInt32 {
        let count = layers.reduce(indexBlockCount) { $0 + $1.map.byteCount / Erofs.blockByteCount }
        guard count <= Erofs.imageByteLimit / Erofs.blockByteCount else {
            throw Failure(.badInput, "cannot merge the layers of an image", because: Erofs.imageTooLarge)
        }
        return UInt32(count)
    }

    private func located(_ node: FileTree.NodeID) throws(Failure) -> (ErofsReader, ErofsReader.Located)? {
        let (layer, number) = (Int(tree.nodes[node].layer), tree.nodes[node].inode)
        guard layer < layers.count else { return nil }
        let reader = layers[layer]
        return (reader, try reader.checked { () throws(Damage) in try reader.inode(number) })
    }

    func inode(of node: FileTree.NodeID) throws(Failure) -> Inode {
        guard let (reader, file) = try located(node) else { return .emptyRoot }
        return try reader.checked { () throws(Damage) in
            var inode = file.inode
            inode.attributeByteCount = try attributeBody(of: file, reader).count
            if inode.type == .directory {
                inode.layout = .plain
            } else {
                try place(&inode, file, reader, firstBlock: firstBlocks[Int(tree.nodes[node].layer)])
            }
            return inode
        }
    }

    /// Checks that a file's data are within its layer, and sets their place in the image.
    private func place(
        _ inode: inout Inode, _ file: ErofsReader.Located, _ reader: ErofsReader, firstBlock: UInt64
    ) throws(Damage) {
        switch inode.layout {
        case .inline: _ = unsafe try reader.inlineData(of: file)
        case .chunked: _ = unsafe try reader.chunkMap(of: file)
        case .plain where inode.byteCount > 0:
            _ = unsafe try reader.content(of: file)
            inode.place = try Self.moved(inode.place, by: firstBlock)
        case .plain: break
        }
    }

    private static func moved(_ block: UInt32, by firstBlock: UInt64) throws(Damage) -> UInt32 {
        let (sum, overflow) = firstBlock.addingReportingOverflow(UInt64(block))
        guard !overflow, sum < Erofs.blockCountLimit else { throw Damage("it begins beyond 16 TiB") }
        return UInt32(sum)
    }

    func appendAttributes(of node: FileTree.NodeID, to record: inout ByteWriter) throws(Failure) {
        guard let (reader, file) = try located(node) else { return }
        record.append(try reader.checked { () throws(Damage) in try attributeBody(of: file, reader) })
    }

    /// Encodes the attributes without those that control the merge.
    private func attributeBody(of file: ErofsReader.Located, _ reader: ErofsReader) throws(Damage) -> [UInt8]
    {
        guard file.inode.attributeByteCount > 0 else { return [] }
        return try AttributeBody.encode(reader.attributes(of: file).withoutOverlay).bytes
    }

    func appendTail(of node: FileTree.NodeID, _ inode: Inode, to record: inout ByteWriter) throws(Failure) {
        guard let (reader, file) = try located(node) else { return }
        let firstBlock = firstBlocks[Int(tree.nodes[node].layer)]
        try reader.checked { () throws(Damage) in
            switch inode.layout {
            case .plain: break
            case .inline: unsafe record.append(try reader.inlineData(of: file))
            case .chunked: try Self.appendMap(of: file, reader, firstBlock: firstBlock, to: &record)
            }
        }
    }

    private static func appendMap(
        of file: ErofsReader.Located, _ reader: ErofsReader, firstBlock: UInt64, to record: inout ByteWriter
    ) throws(Damage) {
        let pieces = try ErofsPieces(file, reader)
        for index in 0..<file.inode.chunkCount {
            // Reading the piece checks that it is within the layer.
            guard case .bytes = try pieces.piece(index, file, reader) else {
                record.append(Erofs.hole)
                continue
            }
            record.append(try moved(pieces.block(index) ?? Erofs.hole, by: firstBlock))
        }
    }

    /// Returns the modification time that most inodes without nanoseconds have: these inodes can be compact.
    func mostFrequentTime(
        _ order: [UInt32], _ check: () throws(Failure) -> Void
    ) throws(Failure) -> Int64 {
        var counts: [Int64: Int] = [:]
        for node in order {
            try check()
            guard let (_, file) = try located(FileTree.NodeID(node)), file.inode.nanoseconds == 0 else {
                continue
            }
            counts[file.inode.seconds, default: 0] += 1
        }
        return counts.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key ?? 0
    }
}

extension Inode {
    /// The root of an image without layers.
    fileprivate static let emptyRoot = Inode(
        mode: FileType.directory.modeBits | 0o755, userID: 0, groupID: 0, byteCount: 0, seconds: 0,
        nanoseconds: 0,
        linkCount: 2, layout: .plain)
}
