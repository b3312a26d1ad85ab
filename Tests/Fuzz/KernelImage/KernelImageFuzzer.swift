import Boot
import Glibc
import GuestMemory

/// The input is a kernel file, its last byte the loader's policy: loaded into 64 MiB of memory it either gives an entry
/// within them or a failure.
@_cdecl("LLVMFuzzerTestOneInput")
public func loadKernelImage(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    guard byteCount > 0, unsafe store(UnsafeRawBufferPointer(start: bytes, count: byteCount - 1)),
        let memory = try? GuestMemory(byteCount: 64 << 20)
    else { return -1 }
    let choice = unsafe bytes[byteCount - 1]
    let policy = LoadPolicy(
        kernelPages: choice & 1 == 0 ? .map : .copy, compressed: choice & 2 == 0 ? .unpack : .enter,
        entry: choice & 4 == 0 ? .pvh : .linux64)
    let path = "/proc/self/fd/\(scratch)"
    let machine = MachineDescription(apicIDs: [0])
    guard
        let entry = try? LinuxLoader.load(
            kernel: path, commandLine: "quiet", machine: machine, policy: policy, into: memory)
    else { return 0 }
    let first = GuestRange(start: GuestAddress(entry.state.instructionPointer), byteCount: 1)
    precondition(memory.contains(first), "the entry is outside of memory")
    return 0
}

/// A file in memory, the same for all inputs.
private let scratch: Int32 = {
    let name = "/fuzz-kernel-image-\(getpid())"
    let descriptor = unsafe shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0o600)
    unsafe shm_unlink(name)
    return descriptor
}()

private func store(_ bytes: UnsafeRawBufferPointer) -> Bool {
    unsafe ftruncate(scratch, 0) == 0 && pwrite(scratch, bytes.baseAddress, bytes.count, 0) == bytes.count
}

/// SwiftPM gives an executable's entry its own name; this one hands over to libFuzzer's.
@_cdecl("fuzz_kernel_image_main")
public func enter(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runFuzzer(&count, &arguments, loadKernelImage)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
