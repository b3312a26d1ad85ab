import Synchronization

/// The interrupt line of a device: an input of the interrupt controllers in a machine, a counter in a test.
public protocol InterruptLine: AnyObject, Sendable {
    /// Raises the interrupt once (an edge).
    func signal()
}

/// The interrupts of a virtio device, with the reasons that the driver reads from InterruptStatus (Virtio
/// 1.2, 4.2.2.1), and the faults of its driver. Any thread may call it.
///
/// A device says for which queue it interrupts. Over MMIO all queues share one line; a transport with a
/// vector for each queue (4.1.5.1.2) gives each queue a line of its own.
public final class VirtioInterrupt: Sendable {
    static let usedBufferReason: UInt32 = 1
    static let configurationReason: UInt32 = 2
    static let everyReason = usedBufferReason | configurationReason

    private let line: any InterruptLine
    private let queueLines: [any InterruptLine]
    private let reasons = Atomic<UInt32>(0)
    private let needsReset = Atomic<Bool>(false)
    private let faultCount = Atomic<UInt64>(0)
    private let lastFault = Mutex<VirtqueueError?>(nil)

    /// Makes the interrupts of a device. With `queueLines` each queue has its own line, and `line` is for
    /// configuration changes; without, `line` is for everything.
    public init(line: any InterruptLine, queueLines: [any InterruptLine] = []) {
        self.line = line
        self.queueLines = queueLines
    }

    /// Sends a used buffer notification (2.3): the device has pushed a chain to the queue with that number,
    /// and the driver wants an interrupt.
    public func usedBuffer(queue: Int) {
        reasons.bitwiseOr(Self.usedBufferReason, ordering: .acquiringAndReleasing)
        if queueLines.isEmpty { line.signal() } else { queueLines[queue].signal() }
    }

    /// Sends a configuration change notification (2.3).
    public func configurationChanged() {
        reasons.bitwiseOr(Self.configurationReason, ordering: .acquiringAndReleasing)
        line.signal()
    }

    /// Reports that the driver broke the rules: sets DEVICE_NEEDS_RESET, interrupts the driver (2.1.2) and
    /// counts the fault. The device must stop.
    public func fail(_ error: VirtqueueError) {
        faultCount.add(1, ordering: .relaxed)
        lastFault.withLock { $0 = error }
        needsReset.store(true, ordering: .releasing)
        configurationChanged()
    }

    /// Runs `body`, a piece of the device's work, unless the device has failed. If the driver has broken a
    /// rule, `body` throws, and the device fails: it does nothing more until the driver resets it.
    ///
    /// This is the only place where the work of a device begins.
    @inlinable
    @inline(__always)
    public func serve(_ body: () throws(VirtqueueError) -> Void) {
        guard !isFailed else { return }
        do throws(VirtqueueError) { try body() } catch { fail(error) }
    }

    /// Whether `fail` was called since the last reset.
    public var isFailed: Bool { needsReset.load(ordering: .acquiring) }
    /// The number of times that a driver broke the rules, and the last of these errors. A reset keeps them.
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
        restore(status: 0, isFailed: false)
    }

    /// Sets what the driver reads, and interrupts nobody. The faults stay: they count this object's work.
    func restore(status: UInt32, isFailed: Bool) {
        reasons.store(status, ordering: .releasing)
        needsReset.store(isFailed, ordering: .releasing)
    }

    /// Interrupts the driver again for every reason that it has not acknowledged. The interrupt controllers
    /// may have been saved before the device raised its interrupt; a spurious interrupt does no harm.
    func raiseAgain() {
        let reasons = status
        let isUsedBuffer = reasons & Self.usedBufferReason != 0
        if isUsedBuffer { for line in queueLines { line.signal() } }
        let usesLine = queueLines.isEmpty && isUsedBuffer || reasons & Self.configurationReason != 0
        if usesLine { line.signal() }
    }
}
