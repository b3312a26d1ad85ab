import Glibc
import Host
import Layers

/// The input is a layer's image, without its first kilobyte: it is read to its end and merged above an honest layer, or it
/// is refused. What was merged can be read as a whole.
@_cdecl("LLVMFuzzerTestOneInput")
public func readImage(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    guard byteCount >= 3072, unsafe store(bytes, byteCount) else { return -1 }
    visit([scratch.path])
    do {
        try scratch.index.empty()
        try ImageIndex.write(
            layers: [honest.path, scratch.path], to: scratch.index.descriptor, named: "the index")
    } catch {
        return 0
    }
    visit([scratch.index.path, honest.path, scratch.path])
    return 0
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

/// Files in memory, the same for all inputs.
private let scratch = (path: image.path, index: MemoryFile("index"))
private let image = MemoryFile("image")

/// A layer with a little of everything that another one can refer to.
private let honest: MemoryFile = {
    let file = MemoryFile("honest")
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

private func store(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> Bool {
    // Whole blocks, with the kilobyte in front that says nothing; their number and the checksum are right.
    let whole = (byteCount + 1024 + 4095) & ~4095
    guard ftruncate(image.descriptor, 0) == 0, ftruncate(image.descriptor, whole) == 0 else {
        return false
    }
    var block = unsafe Array(UnsafeBufferPointer(start: bytes, count: 3072))
    for index in 0..<4 { block[36 + index] = UInt8(truncatingIfNeeded: (whole >> 12) >> (8 * index)) }
    seal(&block)
    return unsafe pwrite(image.descriptor, bytes, byteCount, 1024) == byteCount
        && pwrite(image.descriptor, block, 3072, 1024) == 3072
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

/// A file that has a descriptor and, as long as that is open, a path.
private struct MemoryFile {
    let descriptor: Int32

    init(_ name: String) {
        let name = "/fuzz-erofs-\(name)-\(getpid())"
        descriptor = unsafe shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
        unsafe shm_unlink(name)
    }

    var path: String { "/proc/self/fd/\(descriptor)" }

    func empty() throws(Failure) {
        guard ftruncate(descriptor, 0) == 0 else { throw Failure("cannot empty a file", errno: .current) }
    }
}

/// SwiftPM gives an executable's entry its own name; this one hands over to libFuzzer's.
@_cdecl("fuzz_erofs_main")
public func enter(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runFuzzer(&count, &arguments, readImage)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
