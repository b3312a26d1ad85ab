import GuestMemory
import Layout

/// What both boot protocols tell a kernel.
struct BootData {
    let memoryMap: MemoryMap
    let initramfs: GuestRange?
    /// The RSDP.
    let firmwareTables: GuestAddress
    let commandLine = Layout.commandLine
}
