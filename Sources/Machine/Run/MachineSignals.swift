import Devices
import Glibc
import Host
import Synchronization

/// Handles the signals of the monitor's process:
///
/// - SIGTERM presses the power button; a second SIGTERM ends the machine.
/// - SIGINT and SIGHUP end the machine.
/// - SIGWINCH passes the terminal's new size on.
/// - SIGTSTP stops the process, and the machine with it. SIGCONT restores the terminal.
struct MachineSignals: Sendable {
    private let source: SignalDescriptor
    private let loop: EventLoop

    init(board: Board, control: MachineControl, loop: EventLoop) throws(Failure) {
        let source = try SignalDescriptor([SIGHUP, SIGINT, SIGTERM, SIGWINCH, SIGTSTP, SIGCONT])
        let request = TerminationRequest()
        try loop.watch(source.descriptor) {
            while let signal = source.next() {
                switch signal {
                case SIGWINCH: board.console?.resize()
                case SIGTSTP: board.console?.stopProcess() ?? Terminal.stopProcess()
                // SIGCONT also follows a SIGSTOP, which cannot be handled.
                case SIGCONT: board.console?.resume()
                case SIGTERM:
                    if request.repeats() { control.finish(.terminated) } else { board.powerButton.press() }
                default: control.finish(.endedByUser)
                }
            }
        }
        self.source = source
        self.loop = loop
    }

    func stop() {
        loop.unwatch(source.descriptor)
    }
}

/// Notes that somebody asked the machine to end. A lock or an atomic that a closure captures by itself is
/// destroyed by a generic function, for which the runtime looks types up by name.
private final class TerminationRequest: Sendable {
    private let isPending = Atomic<Bool>(false)

    /// Notes a request. Returns whether there was one before.
    func repeats() -> Bool {
        isPending.exchange(true, ordering: .acquiringAndReleasing)
    }
}
