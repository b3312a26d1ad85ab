public import GuestMemory
import Layout

/// The machine as its firmware tables describe it.
public struct MachineDescription: Equatable, Sendable {
    public struct VirtioDevice: Equatable, Sendable {
        /// Its registers.
        public let window: GuestRange
        public let gsi: UInt32

        public init(window: GuestRange, gsi: UInt32) {
            self.window = window
            self.gsi = gsi
        }

        /// Device number `index` of the layout.
        public init(index: Int) {
            self.init(window: Layout.virtioWindow(index), gsi: Layout.virtioGSI(index))
        }
    }

    /// One for each CPU, the first of them of the CPU that boots.
    public var apicIDs: [UInt32]
    public var virtioDevices: [VirtioDevice]
    /// Whether there is a COM1.
    public var hasSerial: Bool

    public init(apicIDs: [UInt32], virtioDevices: [VirtioDevice] = [], hasSerial: Bool = true) {
        self.apicIDs = apicIDs
        self.virtioDevices = virtioDevices
        self.hasSerial = hasSerial
    }

    /// The command-line words for a kernel without ACPI: `virtio_mmio.device=512@0xd0000000:6 ...`.
    public var commandLineWords: String { KernelCommandLine.words(for: virtioDevices) }
}
