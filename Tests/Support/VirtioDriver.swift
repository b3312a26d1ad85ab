import GuestMemory
import Host
public import Virtio

/// The device has set DEVICE_NEEDS_RESET.
public struct DeviceNeedsReset: Error {}

/// The device did not accept the chosen features.
public struct FeaturesRefused: Error {}

/// A driver at the registers of a device, as in a guest's kernel.
public final class VirtioDriver {
    public let memory: DriverMemory
    public let line: TestLine
    public private(set) var transport: VirtioTransport
    /// The registers of the transport, by MMIO.
    public private(set) var window: VirtioMMIO
    public private(set) var queues: [DriverQueue] = []
    /// Whether a notification signals the queue's doorbell, as an ioeventfd does and a device that continues
    /// later. The device then learns of it from its thread or its event loop alone.
    public var signalsDoorbells = false

    public init(_ device: any VirtioDevice, memoryByteCount: UInt64 = 32 << 20) throws {
        memory = try DriverMemory(byteCount: memoryByteCount)
        line = try TestLine()
        transport = try VirtioTransport(device: device, memory: memory.memory, line: line)
        window = VirtioMMIO(transport)
    }

    // MARK: Registers

    public func read(_ register: VirtioRegister) -> UInt32 {
        UInt32(truncatingIfNeeded: window.read(at: register.rawValue, byteCount: 4))
    }

    public func write(_ value: UInt32, to register: VirtioRegister) {
        window.write(UInt64(value), at: register.rawValue, byteCount: 4)
    }

    public var status: UInt32 { read(.status) }
    public var needsReset: Bool { status & DriverStatus.needsReset != 0 }

    public func configuration(at offset: UInt64, byteCount: Int) -> UInt64 {
        window.read(at: 0x100 + offset, byteCount: byteCount)
    }

    public func offeredFeatures() -> UInt64 {
        write(0, to: .deviceFeaturesSelect)
        let low = read(.deviceFeatures)
        write(1, to: .deviceFeaturesSelect)
        return UInt64(read(.deviceFeatures)) << 32 | UInt64(low)
    }

    // MARK: Device initialization (3.1.1)

    public func reset() {
        write(0, to: .status)
        queues = []
    }

    /// Negotiates `features`: steps 1 to 6, up to FEATURES_OK.
    public func negotiate(_ features: UInt64) throws {
        write(DriverStatus.acknowledge, to: .status)
        write(DriverStatus.acknowledge | DriverStatus.driver, to: .status)
        write(0, to: .driverFeaturesSelect)
        write(UInt32(truncatingIfNeeded: features), to: .driverFeatures)
        write(1, to: .driverFeaturesSelect)
        write(UInt32(truncatingIfNeeded: features >> 32), to: .driverFeatures)
        write(status | DriverStatus.featuresOK, to: .status)
        guard status & DriverStatus.featuresOK != 0 else { throw FeaturesRefused() }
    }

    /// Sets up a queue: step 7.
    public func configure(_ queue: DriverQueue) {
        write(UInt32(queue.index), to: .queueSelect)
        write(UInt32(queue.size), to: .queueSize)
        setAddress(queue.descriptors.start, .queueDescriptorLow, .queueDescriptorHigh)
        setAddress(queue.available.start, .queueDriverLow, .queueDriverHigh)
        setAddress(queue.used.start, .queueDeviceLow, .queueDeviceHigh)
        write(1, to: .queueReady)
    }

    private func setAddress(_ address: GuestAddress, _ low: VirtioRegister, _ high: VirtioRegister) {
        write(UInt32(truncatingIfNeeded: address.rawValue), to: low)
        write(UInt32(truncatingIfNeeded: address.rawValue >> 32), to: high)
    }

    /// Makes all queues of the device, with `size` or the device's maximum, whichever is smaller.
    public func makeQueues(size: UInt16? = nil) {
        queues = []
        for index in 0..<16 {
            write(UInt32(index), to: .queueSelect)
            let maximum = UInt16(read(.queueSizeMax))
            guard maximum > 0 else { break }
            queues.append(DriverQueue(index: index, size: min(size ?? maximum, maximum), in: memory))
        }
    }

    /// Does the whole sequence, from the reset to DRIVER_OK, with all offered features except `without`.
    public func start(without: UInt64 = 0, queueSize: UInt16? = nil) throws {
        reset()
        try negotiate(offeredFeatures() & ~without)
        makeQueues(size: queueSize)
        for queue in queues { configure(queue) }
        write(status | DriverStatus.driverOK, to: .status)
        if needsReset { throw DeviceNeedsReset() }
    }

    // MARK: Operation

    public func ring(_ queue: Int) {
        if signalsDoorbells {
            transport.doorbells[queue].signal()
        } else {
            write(UInt32(queue), to: .queueNotify)
        }
    }

    /// Waits for the next used entry of a queue, by interrupts alone.
    public func waitForUsed(_ queue: Int) throws -> UsedEntry {
        while true {
            if let entry = try queues[queue].takeUsed() { return entry }
            if needsReset { throw DeviceNeedsReset() }
            try line.wait(for: "a used buffer of queue \(queue)")
            write(read(.interruptStatus), to: .interruptACK)
        }
    }

    /// Adds a descriptor chain, notifies the device and waits for the used entry. Returns the number of bytes
    /// that the device reports as written.
    public func request(
        _ buffers: [DriverBuffer], queue: Int = 0, indirect: Bool = false
    ) throws -> UInt32 {
        let head = try queues[queue].add(buffers, indirect: indirect)
        ring(queue)
        let entry = try waitForUsed(queue)
        guard entry.head == UInt32(head) else { throw WrongHead(expected: head, entry: entry) }
        return entry.byteCount
    }

    /// Waits until the device has set DEVICE_NEEDS_RESET.
    public func waitForNeedsReset() throws {
        while !needsReset { try line.wait(for: "DEVICE_NEEDS_RESET") }
    }
}

extension VirtioDriver {
    /// Replaces the driver's device by `device`, as the restoration of a saved machine does: pauses and saves
    /// the present device, encodes and decodes its state, and restores it into `device`, behind a transport
    /// of its own. The guest's memory stays as it is. `inPause` runs between the two.
    public func replaceDevice(
        by device: any VirtioDevice, inPause: (inout VirtioTransport.State) throws -> Void = { _ in }
    ) throws {
        transport.pause()
        var saved = transport.state
        try inPause(&saved)
        let next = try VirtioTransport(device: device, memory: memory.memory, line: line)
        try next.restore(saved.throughBytes())
        transport.stop()
        (transport, window) = (next, VirtioMMIO(next))
        next.resume()
    }
}

/// The device pushed a used entry with an unexpected head.
public struct WrongHead: Error {
    public let expected: UInt16
    public let entry: UsedEntry
}
