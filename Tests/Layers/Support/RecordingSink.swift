import Host
import Layers
import Tar

/// A sink that remembers what it got, and objects where a reader breaks its word.
struct RecordingSink: LayerSink {
    /// A stretch of a file.
    enum Run: Hashable {
        case data([UInt8])
        case hole(UInt64)
    }

    struct File: Hashable {
        var entry: LayerEntry
        var runs: [Run] = []

        var byteCount: UInt64 {
            runs.reduce(0) { sum, run in
                switch run {
                case .data(let bytes): sum + UInt64(bytes.count)
                case .hole(let byteCount): sum + byteCount
                }
            }
        }

        /// The content with its holes filled.
        var content: [UInt8] {
            runs.flatMap { run in
                switch run {
                case .data(let bytes): bytes
                case .hole(let byteCount): [UInt8](repeating: 0, count: Int(byteCount))
                }
            }
        }

        var hasHole: Bool {
            runs.contains { if case .hole = $0 { true } else { false } }
        }
    }

    private(set) var files: [File] = []

    mutating func add(_ entry: LayerEntry) throws(Failure) {
        expectCompleteFile()
        files.append(File(entry: entry))
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        unsafe precondition(!bytes.isEmpty, "nothing is appended")
        let last = files.count - 1
        if case .data(var before) = files[last].runs.last {
            files[last].runs.removeLast()
            unsafe before.append(contentsOf: bytes)
            files[last].runs.append(.data(before))
        } else {
            unsafe files[last].runs.append(.data(Array(bytes)))
        }
    }

    mutating func appendHole(byteCount: UInt64) throws(Failure) {
        precondition(byteCount > 0, "a hole of nothing is appended")
        files[files.count - 1].runs.append(.hole(byteCount))
    }

    /// What was read, once the reader is done.
    func complete() -> [File] {
        expectCompleteFile()
        return files
    }

    private func expectCompleteFile() {
        guard let last = files.last else { return }
        if case .file(let byteCount) = last.entry.kind {
            precondition(last.byteCount == byteCount, "\(last.entry.path) has \(last.byteCount) bytes")
        } else {
            precondition(last.runs.isEmpty, "\(last.entry.path) is no file and has bytes")
        }
    }
}

extension RecordingSink {
    /// Reads an archive from memory, in pieces of a size.
    static func read(_ archive: [UInt8], pieceByteCount: Int = .max) throws(Failure) -> [File] {
        var sink = RecordingSink()
        _ = try LayerArchive.read(
            MemorySource(archive, pieceByteCount: pieceByteCount, complaint: "cannot read the layer test"),
            into: &sink)
        return sink.complete()
    }
}

extension [RecordingSink.File] {
    /// The last file of that path.
    func file(_ path: String) -> RecordingSink.File? {
        last { $0.entry.path.bytes.elementsEqual(path.utf8) }
    }

    /// By path, the later of two: what a file system would have.
    var byPath: [LayerPath: RecordingSink.File] {
        Dictionary(map { ($0.entry.path, $0) }) { _, last in last }
    }
}
