public import GuestMemory
public import Host
import Synchronization

/// The MMIO transport of one virtio device, version 2 (Virtio 1.2, 4.2): registers at the start of the
/// window, and the device's configuration space from 0x100 on.
///
/// An access to a register in the wrong width, at the wrong time or in the wrong direction has no effect and
/// reads as zero (4.2.2.2). Only the guest itself can suffer from it.
public final class VirtioMMIO: Sendable {
    static let configurationStart: UInt64 = 0x100

    let device: any VirtioDevice
    let memory: GuestMemory
    /// The device's interrupt, which also counts the faults of its driver.
    public let interrupt: VirtioInterrupt
    /// The doorbell of each queue. For each of `connectedQueues` the machine connects the doorbell to a write
    /// of the queue's number to QueueNotify.
    public let doorbells: [EventFD]
    let state: Mutex<VirtioMMIOState>

    /// Makes the transport of `device`, whose queues lie in `memory` and whose interrupt uses `line`. Throws
    /// if the host has no descriptors left for the doorbells.
    public init(device: any VirtioDevice, memory: GuestMemory, line: any InterruptLine) throws(Failure) {
        self.device = device
        self.memory = memory
        interrupt = VirtioInterrupt(line: line)
        var doorbells: [EventFD] = []
        for _ in device.queueSizes { doorbells.append(try EventFD()) }
        self.doorbells = doorbells
        state = Mutex(VirtioMMIOState(queueSizes: device.queueSizes))
    }

    /// The queues whose doorbells are connected by ioeventfd: all but those that are notified directly.
    public var connectedQueues: [Int] { doorbells.indices.filter { !device.isNotifiedDirectly($0) } }

    /// The present counters of the device's work and its errors.
    public var counters: VirtioCounters { device.counters }

    /// The offset of QueueNotify, in bytes from the start of the window.
    public static var queueNotifyOffset: UInt64 { VirtioMMIORegister.queueNotify.rawValue }

    /// The offered features: those of the device type and those of every device.
    var offered: VirtioFeatures { device.features.union(.ofEveryDevice) }

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

    private func readConfiguration(at offset: UInt64, byteCount: Int) -> UInt64 {
        let space = device.configuration
        var value: UInt64 = 0
        for index in 0..<UInt64(byteCount) where offset &+ index < UInt64(space.count) {
            value |= UInt64(space[Int(offset &+ index)]) << (8 &* index)
        }
        return value
    }

    private func writeConfiguration(_ value: UInt64, at offset: UInt64, byteCount: Int) {
        let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64(8 &* $0)) }
        guard offset &+ UInt64(byteCount) <= UInt64(device.configuration.count) else { return }
        device.writeConfiguration(bytes[...], at: Int(offset))
    }
}
