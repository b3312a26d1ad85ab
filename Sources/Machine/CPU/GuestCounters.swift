import Synchronization

/// Counts actions of a guest's vCPUs that harm the host. The guest goes on; the user gets a warning at the
/// end.
final class GuestCounters: Sendable {
    /// The number of exits after the guest locked the bus.
    private let busLocks = Atomic<UInt64>(0)
    /// The number of exits because the guest blocked interrupts for too long.
    private let notifications = Atomic<UInt64>(0)

    func noteBusLock() { busLocks.wrappingAdd(1, ordering: .relaxed) }
    func noteNotification() { notifications.wrappingAdd(1, ordering: .relaxed) }

    var values: GuestCounts {
        GuestCounts(
            busLocks: busLocks.load(ordering: .relaxed), notifications: notifications.load(ordering: .relaxed)
        )
    }
}

/// The number of times that a guest harmed the host, by kind.
public struct GuestCounts: Sendable, Equatable {
    public var busLocks: UInt64 = 0
    public var notifications: UInt64 = 0

    /// The warnings: a line for each count that is not zero.
    var warnings: [String] {
        var lines: [String] = []
        if busLocks > 0 {
            lines.append(
                "the guest locked the memory bus \(busLocks) times, which slows all CPUs of the host; "
                    + "it was slowed down in turn")
        }
        if notifications > 0 {
            lines.append("the guest kept interrupts out for too long \(notifications) times")
        }
        return lines
    }
}
