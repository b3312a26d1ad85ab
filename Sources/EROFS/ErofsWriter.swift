public import Host
public import Layers

/// A writer that turns a layer into an EROFS image in one pass, without unpacking anything.
///
/// The data of big files are written as they arrive, in whole blocks. Between them are regions of 64 KiB with
/// the inodes of all files and the data that are small enough to follow an inode. Directories come when all
/// names are known, and the superblock comes last.
///
/// The layer's changes to lower layers are stored as overlayfs stores them: a whiteout is a character device
/// 0:0, an opaque directory has `trusted.overlay.opaque`, a hard link to a lower layer's file has
/// `trusted.overlay.redirect`.
public final class ErofsWriter: LayerSink {
    var output: OutputFile
    var tree: FileTree
    /// The descriptions of directories. Until `finish`, a directory's node has its index here in place of its
    /// inode.
    var directories: [LayerDirectory] = [LayerDirectory()]
    var region = InodeRegion()
    /// Whether there are hard links to files of lower layers.
    var hasRedirects = false
    /// Whether an entry hides files of lower layers.
    var hasWhiteouts = false
    var inodeCount: UInt64 = 0
    var skippedAttributeCount: UInt64 = 0
    var current: OpenFile?
    /// The allowance of names that paths may lead over.
    var work = PathWork()
    private let budget: ImportBudget
    private let name: String
    /// The path of the entry that is being added, for messages.
    var path = LayerPath.root

    /// Makes a writer to `descriptor`, an empty regular file that the caller keeps and closes. `name` is for
    /// messages. The bytes written and the memory held until the end are charged to `budget`, which all
    /// writers of an import share.
    public init(
        to descriptor: Int32, named name: String, budget: ImportBudget = ImportBudget()
    ) throws(Failure) {
        self.name = name
        self.budget = budget
        tree = FileTree(rootInode: 0, layer: 0, memory: budget.memory)
        output = OutputFile(descriptor, name: name, budget: budget)
        // Block 0 has the superblock and the root directory's inode.
        try output.skip(Erofs.blockByteCount)
    }

    public func add(_ entry: LayerEntry) throws(Failure) {
        precondition(current == nil, "a file of the layer is not complete")
        path = entry.path
        try checked { () throws(Damage) in try budget.addEntry() }
        work.add(nameCount: entry.path.names.count)
        switch entry.kind {
        case .directory: try addDirectory(entry)
        case .whiteout: try addWhiteout(entry)
        case .opaque: try addOpaque(entry)
        case .hardLink(let target): try addHardLink(entry, to: target)
        case .symbolicLink(let target): try addSymbolicLink(entry, to: target)
        case .file(let byteCount): try beginFile(entry, byteCount)
        case .characterDevice(let major, let minor):
            try addSpecial(entry, .characterDevice, try number(major, minor))
        case .blockDevice(let major, let minor): try addSpecial(entry, .blockDevice, try number(major, minor))
        case .fifo: try addSpecial(entry, .fifo, nil)
        case .socket: try addSpecial(entry, .socket, nil)
        }
    }

    private func number(_ major: UInt32, _ minor: UInt32) throws(Failure) -> DeviceNumber {
        guard let number = DeviceNumber(major: major, minor: minor) else {
            throw refused("its device number \(major):\(minor) is out of range for Linux")
        }
        return number
    }

    public func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        guard unsafe !bytes.isEmpty else { return }
        guard var file = current.take() else { preconditionFailure("bytes without a file of the layer") }
        precondition(
            UInt64(bytes.count) <= file.remainingByteCount, "more bytes than the file of the layer has")
        unsafe try file.append(bytes, to: &output)
        try proceed(with: file)
    }

    public func appendHole(byteCount: UInt64) throws(Failure) {
        guard byteCount > 0 else { return }
        guard var file = current.take() else { preconditionFailure("bytes without a file of the layer") }
        precondition(byteCount <= file.remainingByteCount, "more bytes than the file of the layer has")
        try file.append(zeroes: byteCount, to: &output)
        try proceed(with: file)
    }

    func refused(_ reason: String) -> Failure {
        Failure(
            .badInput, "cannot write \(PrintableBytes([UInt8(ascii: "/")] + path.bytes)) to \(name)",
            because: reason)
    }

    func checked<Value>(_ body: () throws(Damage) -> Value) throws(Failure) -> Value {
        do throws(Damage) {
            return try body()
        } catch {
            throw refused(error.reason)
        }
    }
}
