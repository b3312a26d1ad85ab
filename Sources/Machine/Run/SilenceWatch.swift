import Devices
import Host

/// Prints a hint on a user's terminal, once, if the guest has printed nothing for some seconds.
final class SilenceWatch: Sendable {
    /// The delay, in milliseconds. Every kernel that prints at all has begun by then, except quiet ones.
    private static let milliseconds = 5000

    private let timer: TimerFD
    private let loop: EventLoop

    /// Starts the timer. Returns nil if standard error is not a terminal: nobody would read the hint.
    init?(console: MachineConsole?, hint: String, loop: EventLoop) throws(Failure) {
        guard let console, Terminal.isTerminal(2) else { return nil }
        timer = try TimerFD()
        self.loop = loop
        try loop.watch(timer.descriptor) { [timer] in
            timer.drain()
            if !console.sink.hasBegun { StandardError.post("vmm: \(hint) (Ctrl-A x ends it)\n") }
        }
        timer.arm(milliseconds: Self.milliseconds)
    }

    func stop() {
        loop.unwatch(timer.descriptor)
    }
}

extension MachineConfiguration {
    /// The advice for a guest that prints nothing.
    var silenceHint: String {
        let cure =
            switch console {
            case .virtio: "--console serial shows what a kernel says before it finds the virtio console"
            default: "--append 'ignore_loglevel earlyprintk=ttyS0' shows all that a kernel says"
            }
        return "the guest has printed nothing: \(cure)"
    }
}
