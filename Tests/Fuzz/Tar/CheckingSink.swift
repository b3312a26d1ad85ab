import Host
import Layers

/// Holds a reader to what `LayerEntry`, `LayerPath` and `LayerSink` promise.
struct CheckingSink: LayerSink {
    /// What the file that came last still lacks.
    private var missing: UInt64 = 0

    mutating func add(_ entry: LayerEntry) throws(Failure) {
        expectCompleteFile()
        check(entry.path)
        precondition(entry.permissions <= 0o7777 && entry.nanoseconds < 1_000_000_000)
        for attribute in entry.attributes {
            precondition(
                !attribute.name.isEmpty && attribute.name.count <= 255 && attribute.value.count <= 65536)
        }
        switch entry.kind {
        case .file(let byteCount):
            precondition(byteCount <= UInt64(Int64.max))
            missing = byteCount
        case .symbolicLink(let target): precondition(!target.isEmpty && !target.contains(0))
        case .hardLink(let path):
            check(path)
            precondition(path != entry.path)
        case .directory, .opaque: return
        case .characterDevice, .blockDevice, .fifo, .socket, .whiteout: break
        }
        precondition(entry.path != .root)
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        precondition(unsafe !bytes.isEmpty)
        take(UInt64(bytes.count))
    }

    mutating func appendHole(byteCount: UInt64) throws(Failure) {
        precondition(byteCount > 0)
        take(byteCount)
    }

    func expectCompleteFile() {
        precondition(missing == 0, "a file lacks \(missing) bytes")
    }

    private mutating func take(_ byteCount: UInt64) {
        precondition(byteCount <= missing, "a file has too many bytes")
        missing -= byteCount
    }

    private func check(_ path: LayerPath) {
        precondition(path.bytes.count <= 4095)
        for name in path.names {
            precondition(
                (1...255).contains(name.count) && !name.contains(0) && !name.contains(UInt8(ascii: "/")))
            precondition(!name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8))
        }
    }
}
