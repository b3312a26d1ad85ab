import EROFS
import FuzzSupport
import Host
import Layers

/// The input describes a few small layers: each is written and they are merged, or they are refused. What was
/// written can be read to its end, and all that the merged tree says of itself is true.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, mergeLayers)
}

private func mergeLayers(_ input: [UInt8]) -> Verdict {
    var description = FuzzedLayers(input)
    var count = 0
    do {
        repeat {
            layers[count].empty()
            try description.write(to: ErofsWriter(to: layers[count].descriptor, named: "a layer"))
            count += 1
        } while count < layers.count && !description.isAtEnd
        index.empty()
        try ImageIndex.write(
            layers: layers[..<count].map(\.path), to: index.descriptor, named: "the index")
    } catch {
        return .welcome
    }
    for layer in layers[..<count] { expectSound([layer.path]) }
    expectSound([index.path] + layers[..<count].map(\.path))
    return .welcome
}

/// The same for all inputs.
private let layers = (0..<FuzzedLayers.mostLayers).map { MemoryFile("layer-\($0)") }
private let index = MemoryFile("layer-index")

/// Reads all of an image.
private func expectSound(_ files: [String]) {
    var check = TreeCheck()
    do {
        try ErofsReader(files: files).walk { (entry, pieces) throws(Failure) in
            var byteCount: UInt64 = 0
            try pieces.read { (piece) throws(Failure) in
                switch piece {
                case .bytes(let raw): byteCount += UInt64(raw.count)
                case .hole(let count): byteCount += count
                }
            }
            check.add(entry, contentByteCount: byteCount)
        }
    } catch {
        fatalError("what was written cannot be read: \(error)")
    }
    check.finish()
}
