import AgentProtocol
import Foundation
import Host
import Synchronization
import TestSupport
import Testing

@testable import Containers

/// The frames by which a container is started, and their order.
@Suite("The start of a session")
struct SessionStartTests {
    private static let first: [FrameKind] = [.hello, .prepare, .identity, .container]

    @Test("all instructions but the start are sent at once, in order, and the start after the identity")
    func start() throws {
        let fixture = try SessionBench { $0.hostname = "there" }
        #expect(fixture.link.kinds == Self.first)
        let container = try #require(fixture.link.frames(.container).first)
        #expect(try container.value(ContainerSpecification.self).hostname == "there")
        fixture.identify()
        #expect(fixture.link.kinds == Self.first + [.start])
        let start = try #require(fixture.link.frames(.start).first)
        #expect(start.header.process == 1)
        #expect(try start.value(ProcessSpecification.self).arguments == ["true"])
    }

    @Test("a guest that does not report its identity gets no start, and no input")
    func noIdentity() throws {
        let fixture = try SessionBench { $0.isInteractive = true }
        fixture.input.send([1, 2, 3])
        fixture.greet()
        fixture.say(.prepared)
        try eventually("the input") { fixture.session.state.withLock { !$0.heldInput.isEmpty } }
        fixture.say(Frame.bytes(FrameHeader(.log), Array("busy".utf8)))
        #expect(fixture.link.kinds == Self.first && fixture.link.end == nil)
        fixture.say(.identified)
        #expect(fixture.link.kinds == Self.first + [.start, .data])
        #expect(fixture.link.frames(.data).first?.payload == [1, 2, 3])
    }

    @Test("a guest that starts the process without an identity is refused")
    func startedWithoutIdentity() throws {
        let fixture = try SessionBench()
        fixture.greet()
        fixture.say(.prepared)
        fixture.say(Frame.bytes(FrameHeader(.started, process: 1)))
        #expect(try fixture.end().message?.contains("unexpected frame 'started'") == true)
        #expect(fixture.link.frames(.start).isEmpty)
    }

    @Test(
        "a step of the agent that is out of order ends the session",
        arguments: [
            ([.prepared], "prepared"), ([.identified], "identified"), ([.hello, .identified], "identified"),
            ([.hello, .prepared, .prepared], "prepared"),
            ([.hello, .prepared, .identified, .identified], "identified"),
            ([.hello, .prepared, .identified, .prepared], "prepared"),
        ] as [([FrameKind], String)])
    func order(kinds: [FrameKind], refused: String) throws {
        let fixture = try SessionBench()
        for kind in kinds { if kind == .hello { fixture.greet() } else { fixture.say(kind) } }
        #expect(try fixture.end().message?.contains("unexpected frame '\(refused)'") == true)
    }

    @Test(
        "a failed step ends the session, and the process is not started",
        arguments: [[], [.prepared]] as [[FrameKind]])
    func failedStep(before kinds: [FrameKind]) throws {
        let fixture = try SessionBench()
        fixture.greet()
        for kind in kinds { fixture.say(kind) }
        fixture.say(Frame.bytes(FrameHeader(.failed), StartFailure(.setUp, "cannot reseed")))
        let outcome = try fixture.end()
        #expect(outcome.status == 125 && outcome.message == "cannot reseed")
        #expect(fixture.link.frames(.start).isEmpty)
    }

    @Test("a process that was not requested yet cannot fail")
    func failedProcess() throws {
        let fixture = try SessionBench()
        fixture.greet()
        fixture.say(.prepared)
        fixture.say(Frame.bytes(FrameHeader(.failed, process: 1), StartFailure(.notFound, "x")))
        #expect(try fixture.end().message?.contains("unexpected frame 'failed'") == true)
    }

    @Test("whenPrepared is called once, before anything of the container is sent")
    func whenPrepared() throws {
        let calls = Mutex<[[FrameKind]]>([])
        let fixture = try SessionBench(whenPrepared: { link in calls.withLock { $0.append(link.kinds) } })
        #expect(fixture.link.kinds == [.hello, .prepare])
        fixture.greet()
        #expect(calls.withLock { $0 }.isEmpty && fixture.link.kinds == [.hello, .prepare])
        fixture.say(.prepared)
        #expect(calls.withLock { $0 } == [[.hello, .prepare]])
        #expect(fixture.link.kinds == Self.first)
        fixture.say(.identified)
        fixture.say(Frame.bytes(FrameHeader(.started, process: 1)))
        fixture.exit(.exited(4))
        #expect(try fixture.end().status == 4 && calls.withLock { $0.count } == 1)
        #expect(fixture.link.kinds == Self.first + [.start])
    }

    @Test("a restored session begins with the identity and expects no answer to hello and prepare")
    func restored() throws {
        let calls = Mutex(0)
        let fixture = try SessionBench(isRestored: true, whenPrepared: { _ in calls.withLock { $0 += 1 } })
        #expect(fixture.link.kinds == [.identity, .container])
        fixture.say(.identified)
        #expect(fixture.link.kinds == [.identity, .container, .start])
        fixture.say(Frame.bytes(FrameHeader(.started, process: 1)))
        fixture.exit(.exited(6))
        #expect(try fixture.end().status == 6 && calls.withLock { $0 } == 0)
    }

    @Test(
        "a restored session refuses what a guest says at its boot",
        arguments: [.hello, .prepared] as [FrameKind])
    func restoredAnswers(kind: FrameKind) throws {
        let fixture = try SessionBench(isRestored: true)
        if kind == .hello { fixture.greet() } else { fixture.say(kind) }
        #expect(try fixture.end().message?.contains("unexpected frame '\(kind)'") == true)
    }

    @Test("a restored guest that does not report its identity gets no start, and no input")
    func restoredWithoutIdentity() throws {
        let fixture = try SessionBench(isRestored: true) { $0.isInteractive = true }
        fixture.input.send([1, 2, 3])
        try eventually("the input") { fixture.session.state.withLock { !$0.heldInput.isEmpty } }
        fixture.say(Frame.bytes(FrameHeader(.log), Array("busy".utf8)))
        #expect(fixture.link.kinds == [.identity, .container] && fixture.link.end == nil)
        // It cannot reseed: the run fails, and the process is never requested.
        fixture.say(Frame.bytes(FrameHeader(.failed), StartFailure(.setUp, "cannot reseed")))
        let outcome = try fixture.end()
        #expect(outcome.status == 125 && outcome.message == "cannot reseed")
        #expect(fixture.link.kinds == [.identity, .container])
    }

    @Test("a restored guest that starts the process without an identity is refused")
    func restoredStartedWithoutIdentity() throws {
        let fixture = try SessionBench(isRestored: true)
        fixture.say(Frame.bytes(FrameHeader(.started, process: 1)))
        #expect(try fixture.end().message?.contains("unexpected frame 'started'") == true)
        #expect(fixture.link.frames(.start).isEmpty)
    }

    @Test("a guest that fails before the process runs is told from one that fails later")
    func guestFailedToStart() throws {
        let early = try SessionBench(isRestored: true)
        #expect(early.session.guestFailedToStart, "its machine could end now")
        early.say(.hello)
        _ = try early.end()
        #expect(early.session.guestFailedToStart)
        let late = try SessionBench(isRestored: true)
        late.say(.identified)
        late.say(Frame.bytes(FrameHeader(.started, process: 1)))
        #expect(try eventually("the start") { late.session.guestFailedToStart ? nil : true })
        late.say(.hello)
        _ = try late.end()
        #expect(!late.session.guestFailedToStart)
        let refused = try SessionBench(isRestored: true)
        refused.say(.identified)
        refused.say(Frame.bytes(FrameHeader(.failed, process: 1), StartFailure(.notFound, "x")))
        #expect(try refused.end().status == 127 && !refused.session.guestFailedToStart)
    }

    @Test("each session sends random bytes of its own, and the present time")
    func identity() throws {
        let (one, other) = (try SessionBench(), try SessionBench(isRestored: true))
        let now = Date().timeIntervalSince1970
        var seeds: [[UInt8]] = []
        for fixture in [one, other] {
            let frame = try #require(fixture.link.frames(.identity).first)
            #expect(frame.payload.count == GuestIdentity.byteCount)
            let identity = try frame.value(GuestIdentity.self)
            let seconds = Double(identity.seconds) + Double(identity.nanoseconds) / 1e9
            #expect(abs(seconds - now) < 60)
            seeds.append(Array(frame.payload.prefix(GuestIdentity.seedByteCount)))
            // 64 random bytes with fewer than 30 values: a chance of about 1 in 10^20.
            #expect(Set(seeds[seeds.count - 1]).count >= 30)
        }
        #expect(seeds[0] != seeds[1])
    }

    @Test("the layer of the preparation is that of the container", arguments: [nil, "64m"] as [String?])
    func layer(disk: String?) throws {
        let fixture = try SessionBench { $0.writable = disk ?? $0.writable }
        let frame = try #require(fixture.link.frames(.prepare).first)
        #expect(try frame.value(Preparation.self).layer == (disk == nil ? .memory : .disk))
    }
}
