import CLinux

/// The reason why init stops waiting.
enum Outcome {
    /// The command ended with this status of waitpid(2).
    case ended(status: Int32)
    /// The power button or a signal to process 1 asks the machine to end.
    case asked(Power)
}

/// Process 1 while the command runs. It waits for the command, for orphans, which become its children, and
/// for a request to end the machine.
struct Supervisor: ~Copyable {
    private let signals: SignalQueue
    private let powerButton: PowerButton

    init() throws(SystemError) {
        signals = try SignalQueue()
        powerButton = PowerButton()
    }

    func wait(for command: pid_t) -> Outcome {
        while true {
            waitForEvent()
            var commandStatus: Int32?
            while let signal = signals.next() {
                if let power = Power(signal: signal) { return .asked(power) }
            }
            reap { child, status in
                if child == command { commandStatus = status }
            }
            if let commandStatus { return .ended(status: commandStatus) }
            if powerButton.wasPressed() { return .asked(.off) }
        }
    }

    /// Ends every process: sends SIGTERM, then SIGHUP, which ends shells, and then kills the rest.
    func endAllProcesses() {
        for signal in [SIGTERM, SIGHUP] {
            kill(-1, signal)
            kill(-1, SIGCONT)
            if haveEnded(within: 1000) { return }
        }
        kill(-1, SIGKILL)
    }

    /// Returns whether all children end within `milliseconds`.
    private func haveEnded(within milliseconds: Int32) -> Bool {
        let step: Int32 = 50
        for _ in 0..<milliseconds / step {
            if !reap() { return true }
            waitForEvent(atMost: step)
            while signals.next() != nil {}
        }
        return !reap()
    }

    /// Sleeps until a signal or a press of the button, or for `milliseconds` at most.
    private func waitForEvent(atMost milliseconds: Int32 = -1) {
        var events = [signals.descriptor.number, powerButton.descriptor].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        unsafe poll(&events, nfds_t(events.count), milliseconds)
    }

    /// Collects every child that has ended, because SIGCHLD does not count them. Returns whether others are
    /// still running.
    @discardableResult
    private func reap(_ each: (pid_t, Int32) -> Void = { _, _ in }) -> Bool {
        while true {
            var status: Int32 = 0
            let child = unsafe waitpid(-1, &status, WNOHANG)
            if child <= 0 { return child == 0 }
            each(child, status)
        }
    }
}
