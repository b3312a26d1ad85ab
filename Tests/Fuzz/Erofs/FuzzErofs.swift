import EROFS
import FuzzSupport
import Host
import Layers

/// The input is a layer's image, without its first kilobyte: it is read to its end and merged above an honest
/// layer, or it is refused. What was merged can be read as a whole.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, readImage)
}

private func readImage(_ input: [UInt8]) -> Verdict {
    guard input.count >= 3072 else { return .unwanted }
    store(input)
    visit([image.path])
    do {
        index.empty()
        try ImageIndex.write(
            layers: [honest.path, image.path], to: index.descriptor, named: "the index")
    } catch {
        return .welcome
    }
    visit([index.path, honest.path, image.path])
    return .welcome
}

/// Everything that the image has. What is larger than its files are holes, and costs nothing.
private func visit(_ files: [String]) {
    guard let reader = try? ErofsReader(files: files) else { return }
    _ = try? reader.contents(of: "/etc/passwd")
    try? reader.walk { (_, pieces) throws(Failure) in
        try pieces.read { (piece) throws(Failure) in
            if case .bytes(let raw) = piece { precondition(raw.count > 0, "an empty piece") }
        }
    }
}

/// The same for all inputs.
private let image = MemoryFile("erofs-image")
private let index = MemoryFile("erofs-index")

/// A layer with a little of everything that another one can refer to.
private let honest: MemoryFile = {
    let file = MemoryFile("erofs-honest")
    do {
        let writer = try ErofsWriter(to: file.descriptor, named: "the honest layer")
        try writer.add(
            LayerEntry(path: try LayerPath("d/old"), kind: .file(byteCount: 0), permissions: 0o644))
        try writer.add(
            LayerEntry(path: try LayerPath("e"), kind: .symbolicLink(target: [100]), permissions: 0o777))
        try writer.add(LayerEntry(path: try LayerPath("from/below"), kind: .fifo, permissions: 0o644))
        _ = try writer.finish()
    } catch {
        fatalError("the honest layer cannot be written: \(error)")
    }
    return file
}()

/// Whole blocks, with the kilobyte in front that says nothing; their number and the checksum are right.
private func store(_ bytes: [UInt8]) {
    let whole = (bytes.count + 1024 + 4095) & ~4095
    image.empty()
    image.resize(whole)
    var block = Array(bytes.prefix(3072))
    for index in 0..<4 { block[36 + index] = UInt8(truncatingIfNeeded: (whole >> 12) >> (8 * index)) }
    seal(&block)
    image.write(bytes, at: 1024)
    image.write(block, at: 1024)
}

/// A superblock's checksum (CRC-32C) covers its block from it on.
private func seal(_ block: inout [UInt8]) {
    for index in 4..<8 { block[index] = 0 }
    var checksum = UInt32.max
    for byte in block {
        checksum ^= UInt32(byte)
        for _ in 0..<8 { checksum = checksum & 1 == 0 ? checksum >> 1 : checksum >> 1 ^ 0x82F6_3B78 }
    }
    for index in 0..<4 { block[4 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index))) }
}
