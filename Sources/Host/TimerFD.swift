import CHost
import Glibc
import SystemPackage

/// A timerfd(2) on the monotonic clock, which becomes readable when its time has passed.
public final class TimerFD: Sendable {
    private let owner: OwnedDescriptor

    /// Makes a timer that is not running. Reads of its descriptor do not block.
    public init() throws(Failure) {
        let number = timerfd_create(CLOCK_MONOTONIC, Int32(TFD_CLOEXEC | TFD_NONBLOCK))
        guard number >= 0 else { throw Failure("cannot make a timer", errno: .current) }
        owner = OwnedDescriptor(owning: number)
    }

    public var descriptor: Int32 { owner.rawValue }

    /// Makes the descriptor readable once after `milliseconds`; 0 stops the timer.
    public func arm(milliseconds: Int) {
        var setting = itimerspec()
        setting.it_value = timespec(
            tv_sec: milliseconds / 1000, tv_nsec: (milliseconds % 1000) * 1_000_000)
        _ = unsafe timerfd_settime(owner.rawValue, 0, &setting, nil)
    }

    /// Makes the descriptor unreadable again.
    public func drain() {
        var expirations: UInt64 = 0
        _ = unsafe read(owner.rawValue, &expirations, 8)
    }
}
