import Boot
import KVM
import Layout
import Synchronization

/// The 8254 and its gate port, made in the kernel when the guest first touches one of their ports.
///
/// A kernel that finds kvm-clock and ACPI never does. One without either calibrates the time stamp counter with the timer, or
/// lives by its interrupt. KVM starts a thread of the host's kernel for each such timer, which no other machine has to pay for.
final class IntervalTimer: Sendable {
    private let machine: VirtualMachine
    /// Whether a guest has touched it already.
    private let isMade = Mutex(false)

    init(of machine: VirtualMachine) {
        self.machine = machine
    }

    /// The first access creates the timer. The next ones never leave the kernel, but where it has none: there nothing answers.
    func read(_ port: UInt16) -> UInt64 {
        guard make(.untouched) else { return .max }
        // The gate is closed and the speaker off, as in a timer that was just created; a counter counts nothing yet.
        return 0
    }

    /// As `read`; KVM is told what was written.
    func write(_ value: UInt8, to port: UInt16) {
        switch port {
        case Layout.timerControlPort: _ = make(.controlWord(value))
        case Layout.timerGatePort: _ = make(.gate(value & 1 != 0))
        // Half a count that belongs to no mode.
        default: _ = make(.untouched)
        }
    }

    /// Whether this call has created the timer.
    private func make(_ start: VirtualMachine.IntervalTimerStart) -> Bool {
        isMade.withLock { isMade in
            guard !isMade else { return false }
            isMade = true
            return (try? machine.createIntervalTimer(start)) != nil
        }
    }
}
