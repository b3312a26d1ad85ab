import FuzzSupport
import Host
import Layers
import Tar

/// The input is a layer, its last byte the size of the pieces in which it comes and whether its checksums are
/// put right first: reading it gives entries that are as promised or a failure.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, readLayer)
}

private func readLayer(_ input: [UInt8]) -> Verdict {
    var layer = input
    guard let choice = layer.popLast().map(Int.init) else { return .unwanted }
    if choice & 1 != 0 { putChecksumsRight(&layer) }
    let source = MemorySource(
        layer, pieceByteCount: choice < 2 ? .max : choice * 37, complaint: "cannot read the layer")
    var sink = CheckingSink()
    guard let digests = try? LayerArchive.read(source, into: &sink) else { return .welcome }
    sink.expectCompleteFile()
    precondition(digests.blob == SHA256.digest(of: layer), "the digest is not the layer's")
    return .welcome
}

/// Otherwise nearly all that a fuzzer tries would end at a wrong checksum.
private func putChecksumsRight(_ layer: inout [UInt8]) {
    for start in stride(from: 0, to: layer.count - 511, by: 512)
    where layer[start + 257..<start + 262].elementsEqual("ustar".utf8) {
        let field = start + 148..<start + 156
        layer.replaceSubrange(field, with: "        ".utf8)
        let sum = layer[start..<start + 512].reduce(0) { $0 + Int($1) }
        layer.replaceSubrange(field, with: (String(sum, radix: 8) + "        ").utf8.prefix(8))
    }
}
