import Host
import Virtio

/// The part of a device that is the same for every type: its queues while it is active, and its counters. A
/// device keeps it behind its lock.
///
/// `Queues` is the type's own part between DRIVER_OK and reset. Every piece of its work runs inside `serve`,
/// and `serve` does nothing while the device is paused.
struct DeviceShell<Queues: ~Copyable & Sendable>: ~Copyable, Sendable {
    /// The queues of an active device.
    var queues: Queues?
    private(set) var counters = VirtioCounters()
    /// The interrupt of an active device that is not paused. Whoever raises it does so under the device's
    /// lock, so that a paused device is silent.
    private(set) var interrupt: VirtioInterrupt?
    private var pausedInterrupt: VirtioInterrupt?
    private(set) var doorbells: [EventFD] = []

    /// Whether the device is active and not paused.
    var isRunning: Bool { interrupt != nil }

    /// Makes the device active with the queues that it takes out of `queues`: so a caller can pass them into
    /// the device's lock. A device that is restored is paused at once.
    mutating func activate(
        _ queues: inout Queues?, _ activation: VirtioActivation, isPaused: Bool
    ) {
        self.queues = queues.take()
        interrupt = activation.interrupt
        doorbells = activation.doorbells
        if isPaused { pause() }
    }

    /// Drops the queues. Returns the doorbells of an active device, or none if the device was not active.
    mutating func reset() -> [EventFD] {
        defer {
            queues = nil
            (interrupt, pausedInterrupt) = (nil, nil)
            doorbells = []
        }
        return doorbells
    }

    /// Runs `body`, a piece of the device's work, if the device is running and has not failed. If the driver
    /// has broken a rule, `body` throws, and the device fails (`VirtioInterrupt.serve`).
    mutating func serve(
        _ body: (inout Queues, inout VirtioCounters) throws(VirtqueueError) -> Void
    ) {
        guard queues != nil, let interrupt else { return }
        interrupt.serve { () throws(VirtqueueError) in try body(&queues!, &counters) }
    }

    /// Pauses an active device. Whoever is at work holds the device's lock, so nobody is at work now.
    mutating func pause() {
        pausedInterrupt = interrupt.take() ?? pausedInterrupt
    }

    /// Lets a paused device run. Returns whether it was paused.
    mutating func resume() -> Bool {
        guard let paused = pausedInterrupt.take() else { return false }
        interrupt = paused
        return true
    }

    /// Returns what `read` makes of the queues of a device that is active and has not failed, for its saved
    /// state.
    borrowing func saved<State>(_ read: (borrowing Queues) -> State) -> State? {
        guard (interrupt ?? pausedInterrupt)?.isFailed == false else { return nil }
        switch queues {
        case .some(let queues): return read(queues)
        case nil: return nil
        }
    }
}

/// The queues of a saved device, and what they continue with: nil for a device that was not active. Throws if
/// the device's state and that of its transport do not agree.
func restoredQueues<State, Queues: ~Copyable>(
    _ saved: State?, _ activation: VirtioActivation?,
    _ make: (VirtioActivation, State) throws(VirtqueueError) -> Queues
) throws(SavedStateError) -> Queues? {
    switch (saved, activation) {
    case (nil, nil): return nil
    case (let saved?, let activation?):
        do throws(VirtqueueError) { return try make(activation, saved) } catch { throw .badQueue(error) }
    default: throw .unfit("the queues of the device do not agree with its status")
    }
}

extension VirtioDevice {
    /// Has the event loop watch what the device waits for, as `watch` does it. If the host cannot, resets the
    /// device, which has just been activated, and throws.
    func watchOrReset(_ watch: () throws(Failure) -> Void) throws(VirtqueueError) {
        do throws(Failure) {
            try watch()
        } catch {
            reset()
            throw .badRequest("the host cannot watch the doorbells")
        }
    }
}
