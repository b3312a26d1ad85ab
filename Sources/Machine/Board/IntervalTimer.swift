import Boot
import Host
import KVM
import Layout
import Synchronization

/// The 8254 timer and its gate port, which KVM creates when the guest first accesses one of their ports.
///
/// A kernel that finds kvm-clock and ACPI never accesses them. A kernel without either calibrates the time
/// stamp counter with the timer, or depends on the timer's interrupt. KVM starts a kernel thread for each
/// such timer, so only machines that need the timer pay for the thread.
final class IntervalTimer: Sendable {
    private let vm: VirtualMachine
    /// Whether a guest has accessed the timer already.
    private let isMade = Mutex(false)

    init(of vm: VirtualMachine) {
        self.vm = vm
    }

    /// Reads a port. The first access creates the timer; KVM then handles the ports in the kernel.
    ///
    /// If KVM could not create the timer, every read returns all ones.
    func read(_ port: UInt16) -> UInt64 {
        guard make(.untouched) else { return .max }
        // A new timer's gate is closed, its speaker is off, and its counters stand still.
        return 0
    }

    /// Writes a port. The first access creates the timer and passes the written value on to KVM.
    func write(_ value: UInt8, to port: UInt16) {
        switch port {
        case Layout.timerControlPort: _ = make(.controlWord(value))
        case Layout.timerGatePort: _ = make(.gate(value & 1 != 0))
        // One byte of a count, written before any mode was set, has no effect.
        default: _ = make(.untouched)
        }
    }

    /// Reads the state of the timer (struct kvm_pit_state2); nil if no guest has accessed it.
    func state() throws(Failure) -> [UInt8]? {
        try isMade.withLock { (isMade) throws(Failure) in isMade ? try vm.intervalTimerState() : nil }
    }

    /// Restores the timer of a machine that has never run. Without a state there is no timer yet.
    func restore(_ state: [UInt8]?) throws(Failure) {
        guard let state else { return }
        try isMade.withLock { (isMade) throws(Failure) in
            isMade = true
            try vm.restoreIntervalTimer(state)
        }
    }

    /// Creates the timer; returns true only if this call has created it.
    private func make(_ start: VirtualMachine.IntervalTimerStart) -> Bool {
        isMade.withLock { isMade in
            guard !isMade else { return false }
            isMade = true
            return (try? vm.createIntervalTimer(start)) != nil
        }
    }
}
