import Host

/// A regular file of a layer while its bytes arrive.
struct OpenFile {
    let node: FileTree.NodeID
    var inode: Inode
    let attributes: [UInt8]
    private var content: Content

    private enum Content {
        case small([UInt8])
        case big(FileData)
    }

    /// Starts a file. The data of a big file go to `firstBlock`.
    init(node: FileTree.NodeID, inode: Inode, attributes: [UInt8], firstBlock: UInt64) {
        self.node = node
        self.inode = inode
        self.attributes = attributes
        content =
            inode.layout == .inline || inode.byteCount == 0
            ? .small([]) : .big(FileData(byteCount: inode.byteCount, firstBlock: firstBlock))
    }

    var remainingByteCount: UInt64 {
        switch content {
        case .small(let bytes): inode.byteCount - UInt64(bytes.count)
        case .big(let data): data.remainingByteCount
        }
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer, to output: inout OutputFile) throws(Failure) {
        switch content {
        case .small(var small):
            content = .small([])
            unsafe small.append(contentsOf: bytes)
            content = .small(small)
        case .big(var data):
            unsafe try data.append(bytes, to: &output)
            content = .big(data)
        }
    }

    mutating func append(zeroes byteCount: UInt64, to output: inout OutputFile) throws(Failure) {
        switch content {
        case .small(var small):
            small.append(contentsOf: repeatElement(0, count: Int(byteCount)))
            content = .small(small)
        case .big(var data):
            try data.append(zeroes: byteCount, to: &output)
            content = .big(data)
        }
    }

    /// Appends the complete file's inode and the data or map behind it.
    mutating func encode(number: UInt32, to record: inout ByteWriter) {
        switch content {
        case .small(let bytes):
            inode.encode(number: number, to: &record)
            record.append(attributes)
            record.append(bytes)
        case .big(let data):
            inode.layout = data.layout
            inode.place = data.place
            inode.encode(number: number, to: &record)
            record.append(attributes)
            if data.layout == .chunked { data.appendMap(to: &record) }
        }
    }
}
