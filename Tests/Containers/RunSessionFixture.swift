import AgentProtocol
import Host
import Images
import Logging
import Machine
import Synchronization
import TestSupport
import Testing

@testable import Containers

/// A session without a machine: the test is its agent.
final class SessionBench: Sendable {
    let session: ContainerSession
    let link: FakeLink
    let (input, output, error): (TestPipe, TestPipe, TestPipe)
    let lines = LogLines()
    private let thread: Mutex<HostThread?>

    /// `terminal` takes the place of the pipe for input.
    init(
        input terminal: Int32? = nil, clock: Timeouts.Clock = .host, isRestored: Bool = false,
        _ change: (inout RunOptions) -> Void = { _ in },
        whenPrepared: (@Sendable (FakeLink) -> Void)? = nil
    ) throws {
        var options = RunOptions()
        options.image = "image"
        options.command = ["true"]
        change(&options)
        let plan = try ContainerPlan(options, image: .init(), identifier: "0123456789ab", host: planHost())
        (input, output, error) = (try TestPipe(), try TestPipe(), try TestPipe())
        let lines = lines
        let link = try FakeLink()
        self.link = link
        var action: (@Sendable () -> Void)?
        if let whenPrepared { action = { whenPrepared(link) } }
        session = try ContainerSession(
            plan,
            streams: .init(
                input: terminal ?? input.readEnd, output: output.writeEnd, error: error.writeEnd),
            timings: nil, clock: clock, isRestored: isRestored,
            whenPrepared: action, logger: Logger(label: "test") { _ in lines })
        // Here, so that the test's own thread never blocks a signal.
        let session = session
        let started = Semaphore()
        let thread = try HostThread(named: "test-loop") {
            do throws(Failure) { try session.begin(link) } catch { link.finish(with: .failed(error)) }
            started.post()
            try? link.loop.run()
        }
        self.thread = Mutex(thread)
        started.wait()
    }

    /// The agent says this.
    func say(_ bytes: [UInt8]) { link.onLoop { [session] in session.received(bytes) } }

    func greet() { say(Frame.bytes(FrameHeader(.hello), Hello())) }

    /// The agent sends a frame without a payload.
    func say(_ kind: FrameKind) { say(Frame.bytes(FrameHeader(kind))) }

    /// The agent answers, prepares the guest and gives it its identity.
    func identify() {
        greet()
        say(.prepared)
        say(.identified)
    }

    func run() {
        identify()
        say(Frame.bytes(FrameHeader(.started, process: 1)))
    }

    func killed(_ name: String) {
        say(Frame.bytes(FrameHeader(.outOfMemory), OutOfMemory(process: name.utf8)))
    }

    func data(_ stream: StreamKind, _ bytes: [UInt8], process: UInt16 = 1) {
        say(Frame.bytes(FrameHeader(.data, process: process, stream: stream), bytes))
    }

    func exit(_ status: AgentProtocol.ExitStatus) {
        say(Frame.bytes(FrameHeader(.exited, process: 1), status))
    }

    /// Waits until the session has ended its machine.
    func end() throws -> ContainerOutcome {
        let end = try eventually("the end of the machine") { link.end }
        return ContainerOutcome(session.containerEnd, machine: end)
    }

    deinit {
        link.loop.stop()
        thread.withLock { $0.take() }?.join()
        session.end()
    }
}

final class FakeLink: SessionLink {
    let loop: EventLoop
    private let event: EventFD
    private let state = Mutex(State())

    private struct State {
        var parser = FrameParser()
        var frames: [Frame] = []
        var end: MachineEnd?
        var isDeaf = false
        var work: [@Sendable () -> Void] = []
    }

    init() throws {
        loop = try EventLoop()
        event = try EventFD()
        try loop.watch(event.descriptor) { [self] in
            event.drain()
            for work in state.withLock({ state in
                defer { state.work = [] }
                return state.work
            }) { work() }
        }
    }

    func send(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            if state.isDeaf { return false }
            state.parser.append(bytes)
            while let frame = try? state.parser.next() { state.frames.append(frame) }
            return true
        }
    }

    func finish(with end: MachineEnd) { state.withLock { if $0.end == nil { $0.end = end } } }

    /// Runs `work` on the loop's thread, and waits for it.
    func onLoop(_ work: @escaping @Sendable () -> Void) {
        let done = Semaphore()
        state.withLock { state in
            state.work.append {
                work()
                done.post()
            }
        }
        event.signal()
        done.wait()
    }

    /// A guest that takes nothing more.
    func beDeaf() { state.withLock { $0.isDeaf = true } }

    var end: MachineEnd? { state.withLock { $0.end } }

    /// What the session has sent of that kind so far.
    func frames(_ kind: FrameKind, _ stream: StreamKind = .input) -> [Frame] {
        state.withLock { $0.frames.filter { $0.header.kind == kind && $0.header.stream == stream } }
    }

    var kinds: [FrameKind] { state.withLock { $0.frames.map(\.header.kind) } }
}

/// What was logged.
final class LogLines: LogHandler, @unchecked Sendable {
    private let state = Mutex<[String]>([])
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.warning
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }
    func log(event: LogEvent) { state.withLock { $0.append("\(event.message)") } }
    var all: [String] { state.withLock { $0 } }
}
