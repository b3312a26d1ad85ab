import GuestMemory
public import Host
import Layout

/// A kernel and its initramfs in the guest's memory, without the boot data that describe the machine.
public struct PlacedKernel: ~Copyable {
    let image: KernelImage
    let kernel: LoadedKernel
    /// Properties of the kernel's file that affect the command line.
    public let traits: LinuxLoader.KernelTraits
    let initramfs: GuestRange?
    let memory: GuestMemory

    /// Returns whether the kernel has `driver` built in. The search reads a section of the kernel's file, or
    /// all of a kernel that was unpacked.
    public func has(_ driver: BuiltInDriver) throws(Failure) -> Bool {
        try image.has(driver, in: kernel, memory)
    }

    /// Writes the firmware tables, the command line, and the boot data for the kernel's entry. Call it once.
    public func finish(
        commandLine: String, description: MachineDescription
    ) throws(Failure) -> BootEntry {
        let limit = kernel.header?.commandLineByteCount ?? KernelCommandLine.defaultByteCount
        try KernelCommandLine.write(commandLine, limit: limit, into: memory)
        let data = BootData(
            memoryMap: MemoryMap(of: memory), initramfs: initramfs,
            firmwareTables: try FirmwareTables.write(for: description, into: memory))
        let switches = KernelSwitches(commandLine)
        return try enter(
            data,
            mayLackLocalAPIC: traits.acpi != .complete || switches.turnsOffACPI
                || switches.turnsOffLocalAPIC)
    }

    private func enter(_ data: BootData, mayLackLocalAPIC: Bool) throws(Failure) -> BootEntry {
        try memory.place(EntryState.globalDescriptorTable(), at: Layout.globalDescriptorTable)
        switch kernel.entry {
        case .pvh(let entry):
            try memory.place(StartInfo.bytes(data, at: Layout.startInfo), at: Layout.startInfo)
            return BootEntry(form: .pvh, state: .pvh(at: entry), mayLackLocalAPIC: mayLackLocalAPIC)
        case .linux64(let entry):
            try memory.place(ZeroPage.bytes(data, header: kernel.header), at: Layout.zeroPage)
            try PageTables.writeIdentity(at: Layout.pageTables, into: memory)
            return BootEntry(
                form: .linux64, state: .linux64(at: entry), mayLackLocalAPIC: mayLackLocalAPIC)
        }
    }
}

/// The boot data that both boot protocols pass to a kernel.
struct BootData {
    let memoryMap: MemoryMap
    let initramfs: GuestRange?
    /// The address of the RSDP.
    let firmwareTables: GuestAddress
    let commandLine = Layout.commandLine
}

/// Writes boot data to the places of the layout. A fault in such a write is a bug of vmm.
extension GuestMemory {
    func place(_ bytes: [UInt8], at address: GuestAddress) throws(Failure) {
        do throws(GuestMemoryFault) {
            try write(bytes, at: address)
        } catch {
            throw .outsideMemory(error)
        }
    }
}

extension Failure {
    static func outsideMemory(_ fault: GuestMemoryFault) -> Failure {
        Failure(
            .software, "cannot lay out the guest's memory",
            because: "there is no RAM for \(fault.range.byteCount) bytes at \(fault.range.start)")
    }
}
