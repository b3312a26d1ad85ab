import GuestMemory
import Host
import Virtio

/// A queue of an active device, with everything that serving it takes. Each kind of queue is served by the
/// same steps:
///
/// ```
/// while try queue.pop() {
///     let byteCount = try answer(queue.chain)
///     try queue.push(byteCount: byteCount, &counters)
/// }
/// try queue.endTurn(&counters)
/// ```
///
/// A turn has a budget. A guest whose other CPUs add chains without end would otherwise keep the thread that
/// serves the queue: a vCPU in the middle of a notification, or the event loop. When the budget is used up,
/// `endTurn` signals the queue's doorbell, and the event loop serves the next turn after its other handlers.
/// So a device that has such a queue must watch the queue's doorbell.
struct ServedQueue: ~Copyable, Sendable {
    /// The cost of a chain in a turn's budget, in bytes, in addition to the bytes that it carries.
    private static let chainCost: UInt64 = 256
    static let usualTurnByteCount: UInt64 = 256 << 10

    private var queue: Virtqueue
    private let number: Int
    private let doorbell: EventFD
    private let interrupt: VirtioInterrupt
    private let turnByteCount: UInt64
    /// The rest of this turn's budget, in bytes.
    private var budget: UInt64
    /// The chain that was popped last. It is stored here so that its storage is reused.
    private(set) var chain = DescriptorChain()

    /// Makes the queue with that number, which the driver must have set up: a new one, or one that continues
    /// at `state`. One turn serves about `turnByteCount` bytes.
    init(
        _ number: Int, of activation: VirtioActivation, _ state: VirtqueueState = VirtqueueState(),
        turnByteCount: UInt64 = usualTurnByteCount
    ) throws(VirtqueueError) {
        let queue = try activation.virtqueue(number, state)
        self.queue = queue
        self.number = number
        doorbell = activation.doorbells[number]
        interrupt = activation.interrupt
        self.turnByteCount = turnByteCount
        budget = turnByteCount
    }

    var memory: GuestMemory { queue.memory }
    var state: VirtqueueState { queue.state }
    /// Whether this turn must end.
    var isBudgetUsedUp: Bool { budget == 0 }

    /// Pops the next chain. If there is none, enables notifications and returns false. Also returns false if
    /// the budget is used up.
    mutating func pop() throws(VirtqueueError) -> Bool {
        guard budget > 0, try queue.popOrRearm(into: &chain) else { return false }
        spend(Self.chainCost)
        return true
    }

    /// Pushes the chain that was popped last, into which `byteCount` bytes were written.
    mutating func push(byteCount: UInt32, _ counters: inout VirtioCounters) throws(VirtqueueError) {
        try queue.push(head: chain.head, byteCount: byteCount)
        counters.requestCount &+= 1
        counters.byteCountToGuest &+= UInt64(byteCount)
        spend(UInt64(byteCount))
    }

    /// Takes `byteCount` bytes off this turn's budget.
    mutating func spend(_ byteCount: UInt64) {
        budget &-= min(budget, byteCount)
    }

    /// Ends a turn: interrupts the driver if it wants that. If the budget is used up, the doorbell asks for
    /// the next turn.
    mutating func endTurn(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        if budget == 0 { doorbell.signal() }
        budget = turnByteCount
        try queue.interruptDriver(interrupt, queue: number, &counters)
    }

    /// Disables the driver's notifications until `pop` finds no chain.
    mutating func disableNotifications() throws(VirtqueueError) {
        try queue.disableNotifications()
    }
}
