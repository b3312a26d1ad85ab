import Host
import Virtio

/// The part of a device that is the same for every type: its queues while it is active, and its counters. A
/// device keeps it behind its lock.
///
/// `Queues` is the type's own part between DRIVER_OK and reset. Every piece of its work runs inside `serve`.
struct DeviceShell<Queues: ~Copyable & Sendable>: ~Copyable, Sendable {
    /// The queues of an active device.
    var queues: Queues?
    private(set) var counters = VirtioCounters()
    /// The interrupt of an active device.
    private(set) var interrupt: VirtioInterrupt?
    private var doorbells: [EventFD] = []

    /// Whether the driver has set DRIVER_OK.
    var isActive: Bool { queues != nil }

    /// Makes the device active with `queues`.
    mutating func activate(_ queues: consuming Queues, _ activation: VirtioActivation) {
        self.queues = consume queues
        interrupt = activation.interrupt
        doorbells = activation.doorbells
    }

    /// Drops the queues. Returns the doorbells of an active device, or none if the device was not active.
    mutating func reset() -> [EventFD] {
        defer {
            queues = nil
            interrupt = nil
            doorbells = []
        }
        return doorbells
    }

    /// Runs `body`, a piece of the device's work, if the device is active and has not failed. If the driver
    /// has broken a rule, `body` throws, and the device fails (`VirtioInterrupt.serve`).
    mutating func serve(
        _ body: (inout Queues, inout VirtioCounters) throws(VirtqueueError) -> Void
    ) {
        guard queues != nil, let interrupt else { return }
        interrupt.serve { () throws(VirtqueueError) in try body(&queues!, &counters) }
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
