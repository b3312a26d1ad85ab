import Devices
import Host
import Logging
import Synchronization
import SystemPackage

/// The connection between the guest's console and the user's terminal, or the pipes in its place.
struct MachineConsole: Sendable {
    private static let input: Int32 = 0
    private static let output: Int32 = 1

    let sink: ConsoleOutput
    private let source: ConsoleInput
    private let virtio: VirtioConsole?

    /// Connects `receiver` with standard input. `sink` is the console's output; `end` ends both.
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

    /// Makes the ring in front of standard output, with warnings about lost output. A broken pipe causes no
    /// warning.
    static func makeSink(logger: Logger) throws(Failure) -> ConsoleOutput {
        let notices = ConsoleNotices(logger: logger)
        return try ConsoleOutput(descriptor: output) { notices.take($0) }
    }

    /// The failure to write the guest's output; nil if there was none, or if the reader has closed its pipe.
    var outputFailure: Failure? {
        guard let cause = sink.closedCause, cause != .brokenPipe else { return nil }
        return Failure(.output, "cannot write the console's output", errno: cause)
    }

    /// Makes the terminal raw and starts passing the user's input to the guest.
    func start() throws(Failure) {
        if Terminal.isTerminal(Self.input) { try Terminal.makeRaw(Self.input) }
        try source.start()
    }

    /// Passes the terminal's new size on to the guest.
    func resize() {
        if let size = Self.terminalSize { virtio?.resize(columns: size.columns, rows: size.rows) }
    }

    /// Stops the process, with the terminal restored for the shell meanwhile.
    func stopProcess() {
        Terminal.stopProcess()
        resize()
    }

    /// Restores raw mode after a stop. It also updates the size, which may have changed without a signal.
    func resume() {
        Terminal.resume()
        resize()
    }

    /// Keeps the user's input from the guest until `resumeInput`.
    func pauseInput() {
        source.pause()
    }

    /// Passes the user's input on again, first what has waited.
    func resumeInput() {
        source.resume()
    }

    /// Writes out the guest's output, as long as its reader makes progress.
    func flush() {
        sink.flush(timeoutMilliseconds: 1000)
    }

    static var terminalSize: Terminal.Size? { Terminal.size(of: output) ?? Terminal.size(of: input) }

    /// Writes out the guest's remaining output, as long as its reader makes progress, and then restores the
    /// terminal.
    func end() {
        source.stop()
        sink.end(timeoutMilliseconds: 1000)
        Terminal.leave()
    }

    private static let help = """

        Ctrl-A x  end the guest at once
        Ctrl-A h  this help
        Ctrl-A Ctrl-A  send Ctrl-A to the guest

        """
}

/// The warnings about console output that was not delivered.
private final class ConsoleNotices: Sendable {
    private let logger: Logger
    /// Whether the descriptor failed: output that is dropped after that has no other cause.
    private let isClosed = Atomic<Bool>(false)

    init(logger: Logger) {
        self.logger = logger
    }

    func take(_ notice: ConsoleOutput.Notice) {
        switch notice {
        case .closed(let cause):
            isClosed.store(true, ordering: .releasing)
            if cause != .brokenPipe { logger.warning("the console's output is closed: \(cause)") }
        case .lost where isClosed.load(ordering: .acquiring): break
        case .lost(let byteCount):
            logger.warning("\(byteCount) bytes of console output were dropped: nobody read them")
        }
    }
}

/// The output of a serial port that shows the kernel's messages until the virtio console prints its first
/// byte.
///
/// From then on the port discards its output, so that a kernel that writes to both consoles prints each
/// message once.
final class EarlyOutput: SerialOutput {
    private let sink: ConsoleOutput
    private let console: VirtioConsole

    init(sink: ConsoleOutput, until console: VirtioConsole) {
        self.sink = sink
        self.console = console
    }

    func writeWaiting(_ byte: UInt8) {
        if !console.hasPrinted { sink.writeWaiting(byte) }
    }
}

/// The last output of a guest's serial console, kept in memory instead of being printed.
final class ConsoleTail: SerialOutput {
    /// The number of bytes that are kept.
    static let byteCount = 16 << 10

    private struct State {
        var bytes: [UInt8] = []
        /// The index of the oldest byte, which the next byte overwrites when `byteCount` bytes are kept.
        var oldest = 0
    }

    private let state = Mutex(State())

    func writeWaiting(_ byte: UInt8) {
        state.withLock { state in
            if state.bytes.count < Self.byteCount {
                state.bytes.append(byte)
            } else {
                state.bytes[state.oldest] = byte
                state.oldest = (state.oldest + 1) % Self.byteCount
            }
        }
    }

    /// The bytes that are kept, oldest first.
    var bytes: [UInt8] {
        state.withLock { Array($0.bytes[$0.oldest...] + $0.bytes[..<$0.oldest]) }
    }
}
