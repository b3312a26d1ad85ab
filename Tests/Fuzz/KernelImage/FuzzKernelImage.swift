import Boot
import FuzzSupport
import Glibc
import GuestMemory

/// The input is a kernel file, its last byte the loader's policy and the file's mode: loaded into 64 MiB of
/// memory it either gives an entry within them or a failure.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, loadKernelImage)
}

/// The same for all inputs.
private let file = MemoryFile("kernel-image")

private func loadKernelImage(_ input: [UInt8]) -> Verdict {
    guard let choice = input.last, let memory = try? GuestMemory(byteCount: 64 << 20) else {
        return .unwanted
    }
    file.empty()
    file.write(input.dropLast())
    // What others may write to is copied and never mapped.
    precondition(unsafe chmod(file.path, choice & 16 == 0 ? 0o600 : 0o666) == 0)
    let policy = LoadPolicy(
        kernelPages: choice & 1 == 0 ? .map : .copy, compressed: choice & 2 == 0 ? .unpack : .enter,
        entry: choice & 4 == 0 ? .pvh : .linux64, allowsAnyKernel: choice & 8 == 0)
    let description = MachineDescription(apicIDs: [0])
    guard let entry = try? load(policy, description, into: memory) else { return .welcome }
    let first = GuestRange(start: GuestAddress(entry.state.instructionPointer), byteCount: 1)
    precondition(memory.contains(first), "the entry is outside of memory")
    return .welcome
}

/// Loads the kernel in the file as a monitor does that also wants to know what it has built in.
private func load(
    _ policy: LoadPolicy, _ description: MachineDescription, into memory: GuestMemory
) throws -> BootEntry {
    let kernel = try LinuxLoader.place(kernel: file.path, policy: policy, into: memory)
    for driver in BuiltInDriver.allCases { _ = try kernel.has(driver) }
    return try kernel.finish(commandLine: kernel.traits.commandLine ?? "quiet", description: description)
}
