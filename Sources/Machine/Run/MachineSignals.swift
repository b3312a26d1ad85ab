import Devices
import Glibc
import Host
import Synchronization

/// What signals mean to a machine: SIGTERM presses the power button, a second one ends it; SIGINT and SIGHUP end it;
/// SIGWINCH says that the terminal has another size; SIGTSTP stops the process, and the machine with it.
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
                // After a stop by SIGSTOP too, of which nobody is told beforehand.
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
