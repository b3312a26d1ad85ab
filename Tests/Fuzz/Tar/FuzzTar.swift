import Host
import Layers

/// The input is a layer, its last byte the size of the pieces in which it comes and whether its checksums are put right
/// first: reading it gives entries that are as promised or a failure.
@_cdecl("LLVMFuzzerTestOneInput")
public func readLayer(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    guard byteCount > 0 else { return -1 }
    var layer = unsafe Array(UnsafeBufferPointer(start: bytes, count: byteCount - 1))
    let choice = unsafe Int(bytes[byteCount - 1])
    if choice & 1 != 0 { putChecksumsRight(&layer) }
    let source = MemorySource(
        layer, pieceByteCount: choice < 2 ? .max : choice * 37, complaint: "cannot read the layer")
    var sink = CheckingSink()
    guard let digests = try? LayerArchive.read(source, into: &sink) else { return 0 }
    sink.expectCompleteFile()
    precondition(digests.blob == SHA256.digest(of: layer), "the digest is not the layer's")
    return 0
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

/// SwiftPM gives an executable's entry its own name; this one hands over to libFuzzer's.
@_cdecl("fuzz_tar_main")
public func enter(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runFuzzer(&count, &arguments, readLayer)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
