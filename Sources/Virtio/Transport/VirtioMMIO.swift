import Synchronization

/// The MMIO transport of one virtio device, version 2 (Virtio 1.2, 4.2): registers at the start of the
/// window, and the device's configuration space from 0x100 on.
///
/// An access to a register in the wrong width, at the wrong time or in the wrong direction has no effect and
/// reads as zero (4.2.2.2). Only the guest itself can suffer from it.
public struct VirtioMMIO: Sendable {
    private static let magic: UInt32 = 0x7472_6976  // "virt"
    private static let version: UInt32 = 2
    /// "vmm\0": vmm's own vendor number, which the specification leaves open (4.2.2, VendorID).
    private static let vendor: UInt32 = 0x006D_6D76
    private static let configurationStart: UInt64 = 0x100

    /// The offset of QueueNotify, in bytes from the start of the window.
    public static var queueNotifyOffset: UInt64 { VirtioMMIORegister.queueNotify.rawValue }

    public let transport: VirtioTransport

    /// Makes the window through which a driver reaches `transport`.
    public init(_ transport: VirtioTransport) {
        self.transport = transport
    }

    public func read(at offset: UInt64, byteCount: Int) -> UInt64 {
        if offset >= Self.configurationStart {
            return readConfiguration(at: offset &- Self.configurationStart, byteCount: byteCount)
        }
        guard byteCount == 4, let register = VirtioMMIORegister(rawValue: offset) else { return 0 }
        return UInt64(read(register))
    }

    public func write(_ value: UInt64, at offset: UInt64, byteCount: Int) {
        if offset >= Self.configurationStart {
            return writeConfiguration(value, at: offset &- Self.configurationStart, byteCount: byteCount)
        }
        guard byteCount == 4, let register = VirtioMMIORegister(rawValue: offset) else { return }
        write(UInt32(truncatingIfNeeded: value), to: register)
    }

    private func read(_ register: VirtioMMIORegister) -> UInt32 {
        switch register {
        case .magicValue: Self.magic
        case .version: Self.version
        case .deviceID: transport.device.type.rawValue
        case .vendorID: Self.vendor
        case .deviceFeatures: transport.negotiation.withLock { $0.offeredWord }
        case .queueSizeMax: transport.negotiation.withLock { UInt32($0.selectedMaximumSize) }
        case .queueReady: transport.negotiation.withLock { $0.isSelectedQueueReady ? 1 : 0 }
        case .interruptStatus: transport.interrupt.status
        case .status: transport.status.rawValue
        case .configurationGeneration: transport.device.configurationGeneration
        // There is no such shared memory region (4.2.2, SHMLen).
        case .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow, .sharedMemoryBaseHigh:
            .max
        default: 0
        }
    }

    private func write(_ value: UInt32, to register: VirtioMMIORegister) {
        switch register {
        case .queueNotify: transport.notify(value)
        case .interruptACK: transport.interrupt.acknowledge(value)
        case .status: transport.setStatus(value)
        default: transport.negotiation.withLock { $0.write(value, to: register) }
        }
    }

    private func readConfiguration(at offset: UInt64, byteCount: Int) -> UInt64 {
        let space = transport.device.configuration
        var value: UInt64 = 0
        for index in 0..<UInt64(byteCount) where offset &+ index < UInt64(space.count) {
            value |= UInt64(space[Int(offset &+ index)]) << (8 &* index)
        }
        return value
    }

    private func writeConfiguration(_ value: UInt64, at offset: UInt64, byteCount: Int) {
        let device = transport.device
        let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 &* $0)) }
        guard offset &+ UInt64(byteCount) <= UInt64(device.configuration.count) else { return }
        device.writeConfiguration(bytes[...], at: Int(offset))
    }
}

extension VirtioNegotiation {
    /// Handles the driver's write to a register of the negotiation.
    fileprivate mutating func write(_ value: UInt32, to register: VirtioMMIORegister) {
        switch register {
        case .deviceFeaturesSelect: selectOfferedWord(value)
        case .driverFeaturesSelect: selectDriverWord(value)
        case .driverFeatures: setDriverWord(value)
        case .queueSelect: selectQueue(value)
        case .queueSize: setSize(value)
        case .queueReady: setReady(value & 1 != 0)
        case .queueDescriptorLow: setLow(.descriptorTable, value)
        case .queueDescriptorHigh: setHigh(.descriptorTable, value)
        case .queueDriverLow: setLow(.availableRing, value)
        case .queueDriverHigh: setHigh(.availableRing, value)
        case .queueDeviceLow: setLow(.usedRing, value)
        case .queueDeviceHigh: setHigh(.usedRing, value)
        default: break
        }
    }
}

/// The registers of the MMIO transport at their offsets (Virtio 1.2, 4.2.2, table 4.1). Each is 32 bits wide.
private enum VirtioMMIORegister: UInt64 {
    case magicValue = 0x000
    case version = 0x004
    case deviceID = 0x008
    case vendorID = 0x00C
    case deviceFeatures = 0x010
    case deviceFeaturesSelect = 0x014
    case driverFeatures = 0x020
    case driverFeaturesSelect = 0x024
    case queueSelect = 0x030
    case queueSizeMax = 0x034
    case queueSize = 0x038
    case queueReady = 0x044
    case queueNotify = 0x050
    case interruptStatus = 0x060
    case interruptACK = 0x064
    case status = 0x070
    case queueDescriptorLow = 0x080
    case queueDescriptorHigh = 0x084
    case queueDriverLow = 0x090
    case queueDriverHigh = 0x094
    case queueDeviceLow = 0x0A0
    case queueDeviceHigh = 0x0A4
    case sharedMemoryLengthLow = 0x0B0
    case sharedMemoryLengthHigh = 0x0B4
    case sharedMemoryBaseLow = 0x0B8
    case sharedMemoryBaseHigh = 0x0BC
    case configurationGeneration = 0x0FC
}
