import GuestMemory
import Layout

/// The boot data that both boot protocols pass to a kernel.
struct BootData {
    let memoryMap: MemoryMap
    let initramfs: GuestRange?
    /// The address of the RSDP.
    let firmwareTables: GuestAddress
    let commandLine = Layout.commandLine
}
