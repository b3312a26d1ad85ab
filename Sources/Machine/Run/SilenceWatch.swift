import Devices
import Host

/// Tells a user who waits at a terminal, once, what to try when the guest has printed nothing for some seconds.
final class SilenceWatch: Sendable {
    /// By then every kernel that prints at all has begun; one that is quiet may have not.
    private static let milliseconds = 5000

    private let timer: TimerFD
    private let loop: EventLoop

    /// Nil where nobody would read it: standard error is no terminal.
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
    /// What to try with a guest that prints nothing.
    var silenceHint: String {
        let cure =
            switch console {
            case .virtio: "--console serial shows what a kernel says before it finds the virtio console"
            default: "--append 'ignore_loglevel earlyprintk=ttyS0' shows all that a kernel says"
            }
        return "the guest has printed nothing: \(cure)"
    }
}
