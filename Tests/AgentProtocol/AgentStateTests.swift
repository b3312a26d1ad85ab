import Host
import Testing

@testable import AgentProtocol

/// The agent, and its monitor.
private final class AgentBench {
    var agent = AgentState()

    /// What the agent is asked for by those bytes.
    func hear(_ bytes: [UInt8]) throws(ProtocolError) -> [AgentState.Request] {
        agent.receive(bytes)
        var requests: [AgentState.Request] = []
        while let request = try agent.next() {
            switch request {
            case .prepare: agent.prepared()
            case .identify: agent.identified()
            case .setUp: agent.containerReady()
            default: break
            }
            requests.append(request)
        }
        return requests
    }

    /// Whether those bytes would end the session, which goes on without them.
    func refuses(_ bytes: [UInt8]) -> Bool {
        let before = agent
        defer { agent = before }
        return (try? hear(bytes)) == nil
    }

    /// What the agent has said since the last time.
    func said() throws -> [Frame] {
        var parser = FrameParser()
        parser.append(unsafe agent.outgoing.withBytes { unsafe Array($0) })
        agent.sent(.max)
        var frames: [Frame] = []
        while let frame = try parser.next() { frames.append(frame) }
        return frames
    }
}

/// The agent's side of a session, with a monitor that is written down byte by byte.
@Suite struct AgentStateTests {
    private let fixture = AgentBench()
    private var agent: AgentState {
        get { fixture.agent }
        nonmutating set { fixture.agent = newValue }
    }
    private static let hello = Frame.bytes(FrameHeader(.hello), Hello())
    private static let prepare = Frame.bytes(FrameHeader(.prepare), Preparation(layer: .memory))
    private static let identity = Frame.bytes(
        FrameHeader(.identity), GuestIdentity(seed: .init(repeating: 7), seconds: 1, nanoseconds: 2))
    private static let container = Frame.bytes(
        FrameHeader(.container), ContainerSpecification(hostname: "h", writable: .none))
    /// The frames of the set-up, after `hello`.
    private static let setUp = prepare + identity + container

    private static func start(_ number: UInt16, hasInput: Bool = true) -> [UInt8] {
        var process = ProcessSpecification(arguments: ["a"], environment: [], capabilities: .init(0))
        process.hasInput = hasInput
        return Frame.bytes(FrameHeader(.start, process: number), process)
    }

    private static func data(_ number: UInt16, _ byteCount: Int) -> [UInt8] {
        Frame.bytes(FrameHeader(.data, process: number), [UInt8](repeating: 7, count: byteCount))
    }

    @Test("all frames may arrive at once, and hello is sent first")
    func atOnce() throws {
        let requests = try fixture.hear(Self.hello + Self.setUp + Self.start(1) + Self.data(1, 5))
        guard requests.count == 5, case .prepare(.memory) = requests[0],
            case .identify(let identity) = requests[1],
            case .setUp = requests[2], case .start(1, _) = requests[3], case .input(1) = requests[4]
        else {
            Issue.record("\(requests)")
            return
        }
        #expect(identity.seed[0] == 7 && identity.seed[63] == 7 && identity.seconds == 1)
        agent.started(1)
        #expect(try fixture.said().map(\.header.kind) == [.hello, .prepared, .identified, .started])
    }

    @Test("input is passed on in order, credit follows the bytes passed on, and the end comes last")
    func input() throws {
        _ = try fixture.hear(Self.hello + Self.setUp + Self.start(1))
        for _ in 0..<8 { _ = try fixture.hear(Self.data(1, 32 << 10)) }
        _ = try fixture.said()
        #expect(fixture.refuses(Self.data(1, 1)))
        unsafe agent.passInput(1) { _ in 100_000 }
        let credit = try #require(try fixture.said().first)
        #expect(try credit.header.kind == .credit && credit.value(Credit.self).byteCount == 100_000)
        _ = try fixture.hear(Self.data(1, 1) + Frame.bytes(FrameHeader(.end, process: 1)))
        guard case .waiting = agent.input(1) else {
            Issue.record("nothing waits")
            return
        }
        unsafe agent.passInput(1) { $0.count }
        #expect(agent.input(1) == .ended)
        #expect(fixture.refuses(Self.data(1, 1)))
    }

    @Test("a closed input is reported once, and later bytes are dropped")
    func inputClosed() throws {
        _ = try fixture.hear(Self.hello + Self.setUp + Self.start(1) + Self.data(1, 10))
        _ = try fixture.said()
        agent.closeInput(1)
        agent.closeInput(1)
        let frames = try fixture.said()
        #expect(frames.map(\.header.kind) == [.end] && frames.first?.header.stream == .input)
        #expect(try fixture.hear(Self.data(1, 10)).isEmpty && agent.input(1) == .empty)
    }

    @Test("each output stream is limited by its own credit")
    func output() throws {
        _ = try fixture.hear(Self.hello + Self.setUp + Self.start(1, hasInput: false))
        agent.started(1)
        let piece = [UInt8](repeating: 1, count: 32 << 10)
        for _ in 0..<8 { unsafe piece.withUnsafeBytes { unsafe agent.output(1, .output, $0) } }
        #expect(agent.outputLimit(1, .output) == 0 && agent.outputLimit(1, .error) == 32 << 10)
        let credit = FrameHeader(.credit, process: 1, stream: .output)
        _ = try fixture.hear(Frame.bytes(credit, Credit(byteCount: 9)))
        #expect(agent.outputLimit(1, .output) == 9)
        for _ in 0..<3 { _ = try fixture.hear(Frame.bytes(credit, Credit(byteCount: .max))) }
        #expect(agent.outputLimit(1, .output) == 32 << 10)
        #expect(
            try fixture.said().map(\.header.kind) == [.hello, .prepared, .identified, .started]
                + Array(repeating: .data, count: 8))
    }

    @Test(
        "a process has no output before it is started, whatever its terminal echoes"
    )
    func echoBeforeStart() throws {
        _ = try fixture.hear(Self.hello + Self.setUp + Self.start(1) + Self.data(1, 5))
        unsafe agent.passInput(1) { $0.count }
        #expect(agent.outputLimit(1, .output) == 0 && agent.outputLimit(1, .error) == 0)
        agent.started(1)
        #expect(agent.outputLimit(1, .output) == 32 << 10 && agent.outputLimit(1, .error) == 32 << 10)
        // The number of a process that has gone is a new process's, which is not started yet.
        agent.exited(1, .exited(0))
        _ = try fixture.hear(Self.start(1))
        #expect(agent.outputLimit(1, .output) == 0)
    }

    @Test("frames for an ended process are ignored, and its number is free")
    func gone() throws {
        _ = try fixture.hear(Self.hello + Self.setUp + Self.start(5))
        agent.exited(5, .exited(0))
        let late =
            Self.data(5, 3) + Frame.bytes(FrameHeader(.end, process: 5))
            + Frame.bytes(FrameHeader(.signal, process: 5), Signal(number: 9))
            + Frame.bytes(FrameHeader(.credit, process: 5, stream: .output), Credit(byteCount: 1))
        #expect(try fixture.hear(late).isEmpty)
        #expect(try fixture.hear(Self.start(5)).count == 1)
        #expect(fixture.refuses(Self.start(5)))
    }

    @Test(
        "after a failed step no later one is carried out, and only the shutdown is accepted", arguments: 0..<3
    )
    func failed(step: Int) throws {
        agent.receive(Self.hello + Self.setUp + Self.start(1) + Self.data(1, 3))
        var requests: [AgentState.Request] = []
        while let request = try agent.next() {
            requests.append(request)
            if requests.count > step {
                agent.containerFailed(StartFailure(.setUp, "no image"))
                continue
            }
            if case .prepare = request { agent.prepared() } else { agent.identified() }
        }
        #expect(requests.count == step + 1)
        let kinds = try fixture.said().map(\.header.kind)
        #expect(kinds == [.hello, .prepared, .identified].prefix(step + 1) + [.failed])
        #expect(try fixture.hear(Self.start(2) + Self.data(2, 3)).isEmpty)
        let requestsAfter = try fixture.hear(Frame.bytes(FrameHeader(.shutdown)))
        guard case .shutdown? = requestsAfter.first else {
            Issue.record("\(requestsAfter)")
            return
        }
    }

    @Test("the identity leaves nothing in the memory of the frames")
    func erasedIdentity() throws {
        var frame = Frame(FrameHeader(.identity), payload: [1, 2, 3])
        frame.erasePayload()
        #expect(frame.payload == [0, 0, 0])
        var parser = FrameParser()
        parser.append(Self.identity + Self.container)
        let received = try #require(try parser.next())
        #expect(received.payload.prefix(64).allSatisfy { $0 == 7 })
        let memory = String(
            reflecting: Mirror(reflecting: parser).children.map { String(reflecting: $0.value) })
        #expect(!memory.contains("7, 7, 7") && memory.contains("0, 0, 0"), "\(memory)")
    }

    @Test("processes beyond the limit are refused one by one")
    func crowd() throws {
        _ = try fixture.hear(Self.hello + Self.setUp)
        for number in 1...UInt16(AgentState.processLimit) {
            #expect(try fixture.hear(Self.start(number)).count == 1)
        }
        #expect(try fixture.hear(Self.start(1000)).isEmpty)
        #expect(try fixture.said().last?.header.kind == .failed)
    }

    @Test(
        "an unexpected frame ends the session",
        arguments: [
            container, start(1), prepare, identity, hello + hello, hello + start(1), hello + identity,
            hello + container, hello + identity + prepare, hello + prepare + prepare,
            hello + prepare + container, hello + prepare + start(1),
            hello + prepare + identity + identity, hello + prepare + identity + prepare,
            hello + prepare + identity + start(1), hello + setUp + container, hello + setUp + identity,
            hello + setUp + start(0), hello + setUp + start(1) + start(1),
            Frame.bytes(FrameHeader(.hello), Hello(version: agentProtocolVersion + 1)),
            hello + Frame.bytes(FrameHeader(.started)), hello + Frame.bytes(FrameHeader(.prepared)),
            hello + prepare + Frame.bytes(FrameHeader(.identified)), hello + setUp + start(1) + data(1, 0),
            hello + setUp + start(1) + Frame.bytes(FrameHeader(.data, process: 1, stream: .output), [1]),
            // The layer is another than the one that was prepared.
            hello + Frame.bytes(FrameHeader(.prepare), Preparation(layer: .disk)) + identity + container,
            hello + Frame.bytes(FrameHeader(.prepare), []),
            hello + prepare + Frame.bytes(FrameHeader(.identity), []),
        ])
    func outOfPlace(bytes: [UInt8]) {
        #expect(fixture.refuses(bytes))
    }
}
