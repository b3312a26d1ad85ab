public import GuestMemory
public import Host
import Synchronization

/// The MMIO transport of one virtio device, version 2 (Virtio 1.2, 4.2): the registers at the start of its window, the
/// device's configuration space from 0x100 on.
///
/// A register that is read or written in the wrong width, at the wrong time or in the wrong direction does nothing and
/// reads as zero (4.2.2.2); it can hurt nobody but the guest.
public final class VirtioMMIO: Sendable {
    static let configurationStart: UInt64 = 0x100

    let device: any VirtioDevice
    let memory: GuestMemory
    /// The device's interrupt, and how often its driver broke the rules.
    public let interrupt: VirtioInterrupt
    /// One a queue. The machine connects that of each of `connectedQueues` to a write of the queue's number to QueueNotify.
    public let doorbells: [EventFD]
    let state: Mutex<VirtioMMIOState>

    /// The transport of `device`, whose queues lie in `memory` and whose interrupt leaves on `line`. It fails where the host
    /// has no descriptors left for the doorbells.
    public init(device: any VirtioDevice, memory: GuestMemory, line: any InterruptLine) throws(Failure) {
        self.device = device
        self.memory = memory
        interrupt = VirtioInterrupt(line: line)
        var doorbells: [EventFD] = []
        for _ in device.queueSizes { doorbells.append(try EventFD()) }
        self.doorbells = doorbells
        state = Mutex(VirtioMMIOState(queueSizes: device.queueSizes))
    }

    /// The queues whose doorbells are to be connected by ioeventfd: not those that are notified directly.
    public var connectedQueues: [Int] { doorbells.indices.filter { !device.isNotifiedDirectly($0) } }

    /// The device's work until now, and the errors in it.
    public var counters: VirtioCounters { device.counters }

    /// Where QueueNotify lies, in bytes from the start of the window.
    public static var queueNotifyOffset: UInt64 { VirtioMMIORegister.queueNotify.rawValue }

    /// Features on offer: the device's own and those of the virtqueue.
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
