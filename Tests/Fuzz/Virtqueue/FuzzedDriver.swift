import FuzzDevices
import FuzzSupport
import Glibc
import GuestMemory
import HostileDevices
import Virtio

/// A driver in the hands of the fuzzer. The steps of a good driver are short, so that the bad ones come deep.
final class FuzzedDriver {
    private static let memoryByteCount: UInt64 = 256 << 10
    /// The byte of the step that saves and restores the device. The other steps are numbered modulo 10.
    private static let restoreStep: UInt8 = 0xFF

    private let device: HostileDevice
    private let memory: GuestMemory
    private var instance: HostileInstance
    private var transport: VirtioTransport
    private var window: VirtioMMIO
    private var availableIndex: [UInt16] = [0, 0, 0, 0]
    private var queueSize: UInt16 = 8
    /// Whether a queue may have chains of which its device was not notified.
    private var hasUnseenChains = false

    init(_ device: HostileDevice) {
        guard let memory = try? GuestMemory(byteCount: Self.memoryByteCount) else {
            fatalError("the host has no memory to spare")
        }
        self.device = device
        self.memory = memory
        (instance, transport) = Self.make(device, memory)
        window = VirtioMMIO(transport)
    }

    private static func make(
        _ device: HostileDevice, _ memory: GuestMemory
    ) -> (HostileInstance, VirtioTransport) {
        guard let instance = try? device.make(FuzzedHost.shared.host),
            let transport = try? VirtioTransport(device: instance.device, memory: memory, line: DeafLine())
        else { fatalError("the host has no descriptors to spare") }
        return (instance, transport)
    }

    func step(_ steps: inout StepReader) {
        let step = steps.byte()
        if step == Self.restoreStep { return restore(noise: steps.number()) }
        switch step % 10 {
        case 0: write(steps.number(UInt32.self), register: UInt64(steps.byte()) << 2)
        case 1: _ = window.read(at: steps.offset(), byteCount: steps.width())
        case 2:
            let (offset, byteCount) = (steps.offset(), steps.width())
            window.write(steps.number(), at: offset, byteCount: byteCount)
        case 3: store(&steps)
        case 4: start(size: 1 << UInt16(steps.byte() % 6))
        case 5: describe(&steps)
        case 6: publish(queue: queue(&steps), head: steps.number())
        case 7: ring(UInt32(steps.byte() & 3))
        case 8: _ = instance.send(steps.bytes(Int(steps.byte())))
        default: reset()
        }
    }

    /// After a reset a good driver gets through to DRIVER_OK.
    func checkReset() {
        reset()
        precondition(window.read(at: Register.status, byteCount: 4) == 0, "a reset device has a status")
        start(size: 8)
        let status = window.read(at: Register.status, byteCount: 4)
        precondition(status == 15, "the device does not start again: status \(status)")
        reset()
    }
}

/// Offsets of the transport (Virtio 1.2, 4.2.2).
private enum Register {
    static let driverFeatures: UInt64 = 0x20
    static let driverFeaturesSelect: UInt64 = 0x24
    static let queueSelect: UInt64 = 0x30
    static let queueSizeMax: UInt64 = 0x34
    static let queueSize: UInt64 = 0x38
    static let queueReady: UInt64 = 0x44
    static let notify: UInt64 = 0x50
    static let status: UInt64 = 0x70
    static let parts: [UInt64] = [0x80, 0x90, 0xA0]
}

extension FuzzedDriver {
    private func write(_ value: UInt32, register: UInt64) {
        window.write(UInt64(value), at: register, byteCount: 4)
    }

    private func queue(_ steps: inout StepReader) -> Int { Int(steps.byte()) & (device.queueCount - 1) }

    /// Replaces the device by a new one, which continues at the saved state: as it is if `noise` is 0, and
    /// otherwise at a spoiled one. A device that refuses the state is as it was built.
    private func restore(noise: UInt64) {
        transport.pause()
        var saved = transport.state
        transport.stop()
        if noise != 0 { saved.device = device.spoil(saved.device, noise) }
        (instance, transport) = Self.make(device, memory)
        window = VirtioMMIO(transport)
        do throws(SavedStateError) {
            try transport.restore(saved)
            transport.resume()
        } catch {
            precondition(noise != 0, "a device refuses its own state: \(error)")
            availableIndex = [0, 0, 0, 0]
        }
        FuzzedHost.shared.settle()
    }

    private func reset() {
        write(0, register: Register.status)
        availableIndex = [0, 0, 0, 0]
    }

    /// The sequence of 3.1.1, with the queues where `describe` and `publish` look for them.
    private func start(size: UInt16) {
        reset()
        queueSize = size
        write(3, register: Register.status)
        for (word, offset) in [UInt64(0x10), 0x10].enumerated() {
            write(UInt32(word), register: 0x14)
            let offered = window.read(at: offset, byteCount: 4)
            write(UInt32(word), register: Register.driverFeaturesSelect)
            write(UInt32(truncatingIfNeeded: offered), register: Register.driverFeatures)
        }
        write(11, register: Register.status)
        for queue in 0..<device.queueCount { place(queue, size) }
        write(15, register: Register.status)
        if device.isPort { openPort() }
    }

    /// A port takes nothing before a program of the guest has opened it: VIRTIO_CONSOLE_PORT_OPEN (5.3.6.2).
    private func openPort() {
        let (queue, message) = (3, UInt64(0xE000))
        try? memory.store(UInt64(0x0001_0006_0000_0000), at: GuestAddress(message))
        try? memory.store(message, at: GuestAddress(Self.part(0, of: queue)))
        try? memory.store(UInt64(8), at: GuestAddress(Self.part(0, of: queue) + 8))
        publish(queue: queue, head: 0)
        ring(UInt32(queue))
    }

    /// Queue `queue` has its parts 0x1000 apart, from 0x1000 or 0x3000 further on, and nothing in its rings.
    private func place(_ queue: Int, _ size: UInt16) {
        write(UInt32(queue), register: Register.queueSelect)
        guard window.read(at: Register.queueSizeMax, byteCount: 4) > 0 else { return }
        write(UInt32(size), register: Register.queueSize)
        for (part, register) in Register.parts.enumerated() {
            let at = Self.part(part, of: queue)
            write(UInt32(truncatingIfNeeded: at), register: register)
            write(0, register: register + 4)
            try? memory.zero(GuestRange(start: GuestAddress(at), byteCount: 0x1000))
        }
        write(1, register: Register.queueReady)
    }

    private static func part(_ part: Int, of queue: Int) -> UInt64 {
        0x1000 + 0x3000 * UInt64(queue) + 0x1000 * UInt64(part)
    }

    private func store(_ steps: inout StepReader) {
        let address = GuestAddress(UInt64(steps.number(UInt16.self)) << 2)
        hasUnseenChains = true
        try? memory.write(steps.bytes(Int(steps.byte())), at: address)
    }

    private func describe(_ steps: inout StepReader) {
        let queue = queue(&steps)
        let at = Self.part(0, of: queue) + 16 * UInt64(steps.byte() & 63)
        let address = UInt64(steps.number(UInt32.self))
        let rest: UInt64 = steps.number()
        try? memory.store(address, at: GuestAddress(at))
        try? memory.store(rest, at: GuestAddress(at + 8))
    }

    private func publish(queue: Int, head: UInt16) {
        let ring = Self.part(1, of: queue)
        let slot = UInt64(availableIndex[queue] % queueSize)
        try? memory.store(head, at: GuestAddress(ring + 4 + 2 * slot))
        availableIndex[queue] &+= 1
        hasUnseenChains = true
        try? memory.storeReleasing(availableIndex[queue], at: GuestAddress(ring + 2))
    }

    /// Notifies the device, and gives it the time to answer. The loop's devices are done when the loop is; a
    /// disk is done soon after its thread has had the processor. On a busy host each yield takes a slice of
    /// everybody else's time, so there are many yields only after new chains.
    private func ring(_ queue: UInt32) {
        let before = progress
        write(queue, register: Register.notify)
        FuzzedHost.shared.settle()
        guard device.hasThread else { return }
        let yieldCount = hasUnseenChains ? 50 : 1
        hasUnseenChains = false
        for _ in 0..<yieldCount where progress == before { sched_yield() }
    }

    private var progress: UInt64 {
        transport.counters.requestCount &+ transport.interrupt.faults.count
    }
}

extension StepReader {
    fileprivate mutating func offset() -> UInt64 { UInt64(number(UInt16.self) & 0xFFF) }
    fileprivate mutating func width() -> Int { 1 << Int(byte() & 3) }
}
