import GuestMemory
import Host
import Layout

extension KernelImage {
    /// Unpacks a bzImage and enters the kernel in it. If vmm cannot unpack it, loads it as it is, so that it
    /// unpacks itself.
    func loadBzImage(
        _ header: SetupHeader, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        // Memtest86+ and similar programs have the header but no payload. They are entered as they are.
        if policy.compressed == .unpack, header.payload.byteCount > 0 {
            let packed = try PackedKernel(payloadOf: header, in: file)
            if let kernel = try packed.load(into: memory, policy, header) { return kernel }
        }
        return try loadAsItIs(header, into: memory, policy)
    }

    /// Unpacks a compressed vmlinux. Throws if that fails, because a vmlinux cannot unpack itself.
    func loadCompressed(
        _ codec: Codec, into memory: GuestMemory, _ policy: LoadPolicy
    ) throws(Failure) -> LoadedKernel {
        if case .foreign(let name) = codec {
            throw file.refused("it is compressed with \(name)", cure: "Unpack it first.")
        }
        if let kernel = try PackedKernel(file, codec).load(into: memory, policy, nil) { return kernel }
        throw file.refused(
            "unpacked it needs more memory than the guest's \(memory.byteCount >> 20) MiB",
            cure: "Give the guest more with --memory, or unpack the kernel first.")
    }

    /// Loads the protected-mode code at its preferred address. Its 64-bit entry is 0x200 bytes after the
    /// start (Linux x86 boot protocol, "64-bit Boot Protocol").
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
        // The compressed payload contains no string to search for.
        return LoadedKernel(entry: .linux64(entry), contents: [], end: end, header: header)
    }

    private static var entryOffset: UInt64 { 0x200 }
}
