import Layout

/// The code at the reset vector of real mode (F000:FFF0), where a PC has its BIOS.
///
/// Linux jumps there to reboot (`reboot=b`), and also after a method that does not exist: with EFI support
/// and hardware-reduced ACPI it prefers EFI's reset, which this machine does not have.
///
/// The code asks the 8042 for a reset, then ACPI's reset register. Either ends the machine. Then the code
/// stops the CPU.
enum ResetVector {
    /// Real-mode code, at most 16 bytes.
    static let code: [UInt8] = [
        0xB0, 0xFE,  // mov al, 0xFE: pulse the reset line
        0xE6, UInt8(truncatingIfNeeded: Layout.keyboardCommandPort),  // out 0x64, al
        0xBA, UInt8(truncatingIfNeeded: Layout.resetPort), UInt8(Layout.resetPort >> 8),  // mov dx, 0x602
        0xB0, Layout.resetValue,  // mov al, 1
        0xEE,  // out dx, al
        0xFA,  // cli
        0xF4,  // hlt
        0xEB, 0xFD,  // jmp to hlt
    ]
}
