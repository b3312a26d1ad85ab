import Synchronization

/// What the vCPUs of a guest did that harms the host, counted. The guest goes on; the user learns of it at the end.
final class GuestCounters: Sendable {
    /// Exits after which the guest had locked the bus.
    private let busLocks = Atomic<UInt64>(0)
    /// Exits because the guest kept interrupts out for too long.
    private let notifications = Atomic<UInt64>(0)

    func noteBusLock() { busLocks.wrappingAdd(1, ordering: .relaxed) }
    func noteNotification() { notifications.wrappingAdd(1, ordering: .relaxed) }

    var values: GuestCounts {
        GuestCounts(
            busLocks: busLocks.load(ordering: .relaxed), notifications: notifications.load(ordering: .relaxed)
        )
    }
}

/// How often a guest did what harms the host.
public struct GuestCounts: Sendable, Equatable {
    public var busLocks: UInt64 = 0
    public var notifications: UInt64 = 0

    /// A line for each that is not zero.
    var warnings: [String] {
        var lines: [String] = []
        if busLocks > 0 {
            lines.append(
                "the guest locked the memory bus \(busLocks) times, which slows all CPUs of the host; it was slowed down "
                    + "in turn")
        }
        if notifications > 0 {
            lines.append("the guest kept interrupts out for too long \(notifications) times")
        }
        return lines
    }
}
