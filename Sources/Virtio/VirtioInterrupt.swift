import Synchronization

/// What a virtio device tells its driver, with the reasons that the driver reads back (Virtio 1.2, 4.2.2.1
/// InterruptStatus). Any thread may call it.
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

    /// A used buffer notification (2.3): something was pushed on a queue and the driver wants to know.
    public func usedBuffer() {
        raise(Self.usedBufferReason)
    }

    /// A configuration change notification (2.3).
    public func configurationChanged() {
        raise(Self.configurationReason)
    }

    /// The driver broke the rules: the device stops, sets DEVICE_NEEDS_RESET and tells the driver (2.1.2). Counted.
    public func fail(_ error: VirtqueueError) {
        faultCount.add(1, ordering: .relaxed)
        lastFault.withLock { $0 = error }
        needsReset.store(true, ordering: .releasing)
        configurationChanged()
    }

    /// Whether `fail` was called since the last reset.
    public var isFailed: Bool { needsReset.load(ordering: .acquiring) }
    /// How often a driver broke the rules, and how the last time.
    public var faults: (count: UInt64, last: VirtqueueError?) {
        (faultCount.load(ordering: .relaxed), lastFault.withLock { $0 })
    }

    /// InterruptStatus.
    var status: UInt32 { reasons.load(ordering: .acquiring) }

    /// InterruptACK: the driver has seen these reasons.
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
