import Synchronization

/// The interrupt of a virtio device, with the reasons that the driver reads from InterruptStatus (Virtio 1.2,
/// 4.2.2.1). Any thread may call it.
public final class VirtioInterrupt: Sendable {
    static let usedBufferReason: UInt32 = 1
    static let configurationReason: UInt32 = 2

    private let line: any InterruptLine
    private let reasons = Atomic<UInt32>(0)
    private let needsReset = Atomic<Bool>(false)
    private let faultCount = Atomic<UInt64>(0)
    private let lastFault = Mutex<VirtqueueError?>(nil)

    public init(line: any InterruptLine) {
        self.line = line
    }

    /// Sends a used buffer notification (2.3): the device has pushed a chain, and the driver wants an
    /// interrupt.
    public func usedBuffer() {
        raise(Self.usedBufferReason)
    }

    /// Sends a configuration change notification (2.3).
    public func configurationChanged() {
        raise(Self.configurationReason)
    }

    /// Reports that the driver broke the rules: sets DEVICE_NEEDS_RESET, interrupts the driver (2.1.2) and
    /// counts the fault. The device must stop.
    public func fail(_ error: VirtqueueError) {
        faultCount.add(1, ordering: .relaxed)
        lastFault.withLock { $0 = error }
        needsReset.store(true, ordering: .releasing)
        configurationChanged()
    }

    /// Whether `fail` was called since the last reset.
    public var isFailed: Bool { needsReset.load(ordering: .acquiring) }
    /// The number of times that a driver broke the rules, and the last of these errors.
    public var faults: (count: UInt64, last: VirtqueueError?) {
        (faultCount.load(ordering: .relaxed), lastFault.withLock { $0 })
    }

    /// The value of InterruptStatus.
    var status: UInt32 { reasons.load(ordering: .acquiring) }

    /// Clears the reasons that the driver has seen (InterruptACK).
    func acknowledge(_ seen: UInt32) {
        reasons.bitwiseAnd(~seen, ordering: .acquiringAndReleasing)
    }

    func reset() {
        reasons.store(0, ordering: .releasing)
        needsReset.store(false, ordering: .releasing)
    }

    private func raise(_ reason: UInt32) {
        reasons.bitwiseOr(reason, ordering: .acquiringAndReleasing)
        line.signal()
    }
}
