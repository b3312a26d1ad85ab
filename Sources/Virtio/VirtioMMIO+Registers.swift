import GuestMemory
import Host
import Synchronization

extension VirtioMMIO {
    static let magic: UInt32 = 0x7472_6976  // "virt"
    static let transportVersion: UInt32 = 2
    /// "vmm\0": vmm's own vendor number, which the specification leaves open (4.2.2, VendorID).
    static let vendor: UInt32 = 0x006D_6D76

    func read(_ register: VirtioMMIORegister) -> UInt32 {
        switch register {
        case .magicValue: return Self.magic
        case .version: return Self.transportVersion
        case .deviceID: return device.type.rawValue
        case .vendorID: return Self.vendor
        case .interruptStatus: return interrupt.status
        case .configurationGeneration: return device.configurationGeneration
        case .sharedMemoryLengthLow, .sharedMemoryLengthHigh, .sharedMemoryBaseLow, .sharedMemoryBaseHigh:
            return .max  // no such shared memory region (4.2.2, SHMLen)
        default: return state.withLock { read(register, in: $0) }
        }
    }

    private func read(_ register: VirtioMMIORegister, in state: VirtioMMIOState) -> UInt32 {
        switch register {
        case .deviceFeatures: return word(state.deviceFeaturesSelect, of: offered.rawValue)
        case .queueSizeMax:
            return state.selectedQueue.map { UInt32(device.queueSizes[$0]) } ?? 0
        case .queueReady:
            return state.selectedQueue.map { state.queues[$0].isReady ? 1 : 0 } ?? 0
        case .status:
            return state.status.union(interrupt.isFailed ? .needsReset : []).rawValue
        default: return 0
        }
    }

    func write(_ value: UInt32, to register: VirtioMMIORegister) {
        switch register {
        case .queueNotify: ring(value)
        case .interruptACK: interrupt.acknowledge(value)
        case .status: state.withLock { setStatus(value, in: &$0) }
        default: state.withLock { write(value, to: register, in: &$0) }
        }
    }

    private func write(_ value: UInt32, to register: VirtioMMIORegister, in state: inout VirtioMMIOState) {
        switch register {
        case .deviceFeaturesSelect: state.deviceFeaturesSelect = value
        case .driverFeaturesSelect: state.driverFeaturesSelect = value
        case .driverFeatures: setDriverFeatures(value, in: &state)
        case .queueSelect: state.queueSelect = value
        default: configureQueue(value, register, in: &state)
        }
    }

    /// Returns 32-bit word number `index` of the feature bits. Words above 1 are zero.
    private func word(_ index: UInt32, of features: UInt64) -> UInt32 {
        index > 1 ? 0 : UInt32(truncatingIfNeeded: features >> (32 &* UInt64(index)))
    }

    /// Sets a word of the driver's features. They are negotiated before FEATURES_OK and fixed afterwards
    /// (3.1.1).
    private func setDriverFeatures(_ value: UInt32, in state: inout VirtioMMIOState) {
        guard !state.status.contains(.featuresOK), state.driverFeaturesSelect <= 1 else { return }
        let shift = 32 &* UInt64(state.driverFeaturesSelect)
        state.driverFeatures &= ~(0xFFFF_FFFF << shift)
        state.driverFeatures |= UInt64(value) << shift
    }

    /// Writes a register of the selected queue. A queue may be set up between FEATURES_OK and DRIVER_OK, and
    /// its parts may change only while it is not ready (4.2.2.2).
    private func configureQueue(
        _ value: UInt32, _ register: VirtioMMIORegister, in state: inout VirtioMMIOState
    ) {
        guard let index = state.selectedQueue, state.status.contains(.featuresOK),
            !state.status.contains(.driverOK)
        else { return }
        if register == .queueReady {
            state.queues[index].isReady = value & 1 != 0
        } else if !state.queues[index].isReady {
            state.queues[index].set(register, value, maximumSize: device.queueSizes[index])
        }
    }

    /// Handles a write to QueueNotify. If the doorbell is an ioeventfd, KVM signals it without an exit.
    private func ring(_ value: UInt32) {
        guard let index = Int(exactly: value), index < doorbells.count else { return }
        if device.isNotifiedDirectly(index) {
            device.notified(index)
        } else {
            doorbells[index].signal()
        }
    }
}

extension VirtqueueConfiguration {
    mutating func set(_ register: VirtioMMIORegister, _ value: UInt32, maximumSize: UInt16) {
        switch register {
        // `Virtqueue.init` finds a size that is 0 or no power of two; a size that is too large becomes 0.
        case .queueSize: size = value <= UInt32(maximumSize) ? UInt16(truncatingIfNeeded: value) : 0
        case .queueDescriptorLow: descriptorTable.setLow(value)
        case .queueDescriptorHigh: descriptorTable.setHigh(value)
        case .queueDriverLow: availableRing.setLow(value)
        case .queueDriverHigh: availableRing.setHigh(value)
        case .queueDeviceLow: usedRing.setLow(value)
        case .queueDeviceHigh: usedRing.setHigh(value)
        default: break
        }
    }
}

extension GuestAddress {
    fileprivate mutating func setLow(_ value: UInt32) {
        self = GuestAddress(rawValue & 0xFFFF_FFFF_0000_0000 | UInt64(value))
    }

    fileprivate mutating func setHigh(_ value: UInt32) {
        self = GuestAddress(rawValue & 0xFFFF_FFFF | UInt64(value) << 32)
    }
}
