import GuestMemory
import Host

extension KernelImage {
    func loadBzImage(
        _ header: SetupHeader, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        try loadAsItIs(header, into: memory, policy)
    }

    func loadCompressed(
        _ codec: Codec, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        throw file.refused("it is compressed as a whole", cure: "Unpack it first.")
    }

    /// Loads the protected-mode code where it wants to be; its 64-bit entry lies 0x200 further on (Linux x86 boot
    /// protocol, "64-bit Boot Protocol").
    private func loadAsItIs(
        _ header: SetupHeader, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        let start = header.preferredAddress
        let codeByteCount = file.byteCount - header.codeOffset
        let needed = max(header.initByteCount, codeByteCount)
        guard start >= Layout.extendedMemory, let end = start.advanced(by: needed),
            end.rawValue <= GuestMemory.holeStart, codeByteCount > Self.entryOffset
        else {
            throw file.refused(
                "its setup header asks for \(needed) bytes at \(start), where there is no room")
        }
        guard end.rawValue <= memory.low.range.byteCount else {
            throw KernelSource(complaint: file.complaint, byteCount: file.byteCount, isPayload: false)
                .tooLarge(endingAt: end, for: memory)
        }
        try memory.load(
            GuestRange(start: start, byteCount: codeByteCount), from: file, fileOffset: header.codeOffset,
            policy.kernelPages)
        let entry = GuestAddress(start.rawValue + Self.entryOffset)
        return LoadedKernel(entry: .linux64(entry), end: end, header: header)
    }

    private static var entryOffset: UInt64 { 0x200 }
}
