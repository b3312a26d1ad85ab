public import GuestMemory
import Layout

/// The machine as its firmware tables describe it.
public struct MachineDescription: Equatable, Sendable {
    public struct VirtioDevice: Equatable, Sendable {
        /// The address range of the device's registers.
        public let window: GuestRange
        public let gsi: UInt32

        public init(window: GuestRange, gsi: UInt32) {
            self.window = window
            self.gsi = gsi
        }

        /// Makes device number `index` of the layout.
        public init(index: Int) {
            self.init(window: Layout.virtioWindow(index), gsi: Layout.virtioGSI(index))
        }
    }

    /// The APIC ids of the CPUs. The first one belongs to the CPU that boots.
    public var apicIDs: [UInt32]
    public var virtioDevices: [VirtioDevice]
    /// Whether the machine has a COM1.
    public var hasSerial: Bool

    public init(apicIDs: [UInt32], virtioDevices: [VirtioDevice] = [], hasSerial: Bool = true) {
        self.apicIDs = apicIDs
        self.virtioDevices = virtioDevices
        self.hasSerial = hasSerial
    }

    /// The parameters for a kernel without ACPI: `virtio_mmio.device=512@0xd0000000:6 ...`.
    public var commandLineParameters: String { KernelCommandLine.parameters(for: virtioDevices) }
}
