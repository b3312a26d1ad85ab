import AgentProtocol
import TestSupport
import Testing

@testable import Containers

@Suite("A session with a hostile agent")
struct RunHostileAgentTests {
    private func expectBroken(
        _ words: String, running: Bool = true, terminal: Bool = false, _ body: (SessionBench) -> Void,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let fixture = try SessionBench { $0.hasTerminal = terminal }
        if running { fixture.run() }
        body(fixture)
        let outcome = try fixture.end()
        #expect(outcome.status == 125, sourceLocation: location)
        #expect(outcome.message?.contains(words) == true, "\(outcome)", sourceLocation: location)
    }

    @Test("more data than credit ends the session")
    func credit() throws {
        try expectBroken("more data of stream 'output' than it had credit for") { fixture in
            for _ in 0..<8 { fixture.data(.output, Array(repeating: 1, count: 32 << 10)) }
            fixture.data(.output, Array(repeating: 1, count: 32 << 10))
            fixture.data(.output, Array(repeating: 1, count: 32 << 10))
            fixture.data(.output, Array(repeating: 1, count: 32 << 10))
        }
    }

    @Test("invalid and unexpected frames end the session")
    func frames() throws {
        let header = FrameHeader.self
        try expectBroken("broke the protocol") { $0.say([0, 0, 0, 0, 99, 0, 0, 0]) }
        try expectBroken("too long") { $0.say([0xFF, 0xFF, 0xFF, 0xFF, 32, 1, 1, 0]) }
        try expectBroken("unexpected frame", running: false) {
            $0.say(Frame.bytes(header.init(.started, process: 1)))
        }
        try expectBroken("version 9", running: false) {
            $0.say(Frame.bytes(header.init(.hello), Hello(version: 9)))
        }
        try expectBroken("unexpected frame") { $0.greet() }
        try expectBroken("unexpected frame") { $0.say(Frame.bytes(header.init(.started, process: 1))) }
        try expectBroken("unexpected frame") { $0.data(.output, [1], process: 2) }
        try expectBroken("unexpected frame") { $0.data(.output, [1], process: 0) }
        try expectBroken("unexpected frame") { $0.data(.input, [1]) }
        try expectBroken("malformed frame") { $0.data(.output, []) }
        try expectBroken("stream", terminal: true) { $0.data(.error, [1]) }
        try expectBroken("unexpected frame") { fixture in
            fixture.say(Frame.bytes(header.init(.end, process: 1, stream: .output)))
            fixture.data(.output, [1])
        }
        try expectBroken("malformed frame") { $0.say(Frame.bytes(header.init(.exited, process: 1), [0])) }
        try expectBroken("malformed frame") {
            $0.say(Frame.bytes(header.init(.exited, process: 1), [1, 99]))
        }
        try expectBroken("unexpected frame") {
            $0.say(Frame.bytes(header.init(.exited, process: 7), [0, 0]))
        }
        try expectBroken("unexpected frame") { $0.say(Frame.bytes(header.init(.shutdown))) }
        try expectBroken("unexpected frame") {
            $0.say(Frame.bytes(header.init(.failed, process: 1), StartFailure(.setUp, "late")))
        }
    }

    @Test("bytes after the end are ignored")
    func afterTheEnd() throws {
        let fixture = try SessionBench()
        fixture.run()
        fixture.exit(.exited(7))
        fixture.data(.output, [1])
        fixture.exit(.exited(8))
        #expect(try fixture.end().status == 7)
    }

    @Test("log lines are limited in number and lose their control characters")
    func log() throws {
        let fixture = try SessionBench()
        fixture.run()
        for number in 0..<5000 {
            fixture.say(Frame.bytes(FrameHeader(.log), Array("line \(number)\u{1B}[H".utf8)))
        }
        fixture.exit(.exited(0))
        #expect(try fixture.end().status == 0)
        #expect(fixture.lines.all.count == 201 && fixture.lines.all[0] == "guest: line 0?[H")
    }

    @Test("unlimited credit sends only the input there is, and a guest that does not read is given up")
    func endlessCredit() throws {
        let fixture = try SessionBench { $0.isInteractive = true }
        fixture.run()
        for _ in 0..<1000 {
            fixture.say(Frame.bytes(FrameHeader(.credit, process: 1), Credit(byteCount: .max)))
        }
        fixture.input.send([1, 2, 3])
        try eventually("the input") { fixture.link.frames(.data).flatMap(\.payload) == [1, 2, 3] }
        fixture.link.beDeaf()
        fixture.input.send([4])
        #expect(try fixture.end().message?.contains("does not read") == true)
    }

    @Test("random bytes end the session without a crash")
    func randomBytes() throws {
        var generator = SplitMix64(seed: 64)
        for _ in 0..<200 {
            let fixture = try SessionBench { $0.isInteractive = true }
            fixture.run()
            for _ in 0..<20 {
                var bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
                bytes.replaceSubrange(
                    0..<8,
                    with: [
                        UInt8.random(in: 0...56, using: &generator), 0, 0, 0,
                        [1, 16, 17, 18, 19, 21, 22, 32, 33, 34].randomElement(using: &generator)!,
                        UInt8.random(in: 0...2, using: &generator),
                        UInt8.random(in: 0...1, using: &generator), 0,
                    ])
                fixture.say(bytes)
            }
            fixture.exit(.exited(0))
            let outcome = try fixture.end()
            #expect((0...255).contains(outcome.status))
        }
    }
}
