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
        let wasAsked = Mutex(false)
        try loop.watch(source.descriptor) {
            while let signal = source.next() {
                switch signal {
                case SIGWINCH: board.console?.resize()
                case SIGTSTP: board.console?.stopProcess() ?? Terminal.stopProcess()
                // SIGCONT also follows a SIGSTOP, which cannot be handled.
                case SIGCONT: board.console?.resume()
                case SIGTERM:
                    let isSecond = wasAsked.withLock { asked in
                        defer { asked = true }
                        return asked
                    }
                    if isSecond { control.finish(.terminated) } else { board.powerButton.press() }
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
