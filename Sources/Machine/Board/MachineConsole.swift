import Devices
import Host
import Logging
import Synchronization
import SystemPackage

/// The guest's console and the user's terminal, or the pipes in its place.
struct MachineConsole: Sendable {
    private static let input: Int32 = 0
    private static let output: Int32 = 1

    let sink: ConsoleOutput
    private let source: ConsoleInput
    private let virtio: VirtioConsole?

    /// Connects `receiver` with standard input and lets `sink`, which its output goes to, be ended with it.
    init(
        sink: ConsoleOutput, receiver: any ConsoleReceiver, loop: EventLoop, control: MachineControl
    ) throws(Failure) {
        self.sink = sink
        virtio = receiver as? VirtioConsole
        source = try ConsoleInput(
            descriptor: Self.input, hasEscapes: Terminal.isTerminal(Self.input), loop: loop,
            receiver: receiver,
            onCommand: { command in
                switch command {
                case .end: control.finish(.endedByUser)
                case .help: StandardError.post(Self.help)
                }
            }, onFailure: { control.finish(.failed($0)) })
    }

    /// The ring in front of standard output. Of a reader that has gone nobody has to be told.
    static func makeSink(logger: Logger) throws(Failure) -> ConsoleOutput {
        let notices = ConsoleNotices(logger: logger)
        return try ConsoleOutput(descriptor: output) { notices.take($0) }
    }

    /// What keeps the guest's output from being written; nil where its reader has gone by itself.
    var outputFailure: Failure? {
        guard let cause = sink.closedCause, cause != .brokenPipe else { return nil }
        return Failure(.output, "cannot write the console's output", errno: cause)
    }

    /// From here on keys go to the guest.
    func start() throws(Failure) {
        if Terminal.isTerminal(Self.input) { try Terminal.makeRaw(Self.input) }
        try source.start()
    }

    /// The terminal has a new size.
    func resize() {
        if let size = Self.terminalSize { virtio?.resize(columns: size.columns, rows: size.rows) }
    }

    /// Stops the process, with the terminal put back for whoever has it meanwhile.
    func stopProcess() {
        Terminal.stopProcess()
        resize()
    }

    /// The process goes on after a stop. The terminal's size may have changed, of which nobody was told.
    func resume() {
        Terminal.resume()
        resize()
    }

    static var terminalSize: Terminal.Size? { Terminal.size(of: output) ?? Terminal.size(of: input) }

    /// Everything that the guest said reaches its reader, if that one reads; then the terminal is as it was.
    func end() {
        source.stop()
        sink.end(patience: 1000)
        Terminal.leave()
    }

    private static let help = """

        Ctrl-A x  end the guest at once
        Ctrl-A h  this help
        Ctrl-A Ctrl-A  send Ctrl-A to the guest

        """
}

/// What the user is told of console output that nobody gets.
private final class ConsoleNotices: Sendable {
    private let logger: Logger
    private let isUnread = Atomic<Bool>(false)

    init(logger: Logger) {
        self.logger = logger
    }

    func take(_ notice: ConsoleOutput.Notice) {
        switch notice {
        case .closed(.brokenPipe): isUnread.store(true, ordering: .releasing)
        case .closed(let cause): logger.warning("the console's output is closed: \(cause)")
        case .lost where isUnread.load(ordering: .acquiring): break
        case .lost(let byteCount):
            logger.warning("\(byteCount) bytes of console output were dropped: nobody read them")
        }
    }
}
