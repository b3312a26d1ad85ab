import AgentProtocol
import TestSupport
import Testing

@testable import Containers

@Suite("A session whose agent is hostile")
struct RunHostileAgentTests {
    private func expectBroken(
        _ words: String, running: Bool = true, terminal: Bool = false, _ body: (SessionBench) -> Void,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let bench = try SessionBench { $0.hasTerminal = terminal }
        if running { bench.run() }
        body(bench)
        let outcome = try bench.end()
        #expect(outcome.status == 125, sourceLocation: location)
        #expect(outcome.message?.contains(words) == true, "\(outcome)", sourceLocation: location)
    }

    @Test("more data than there is credit for")
    func credit() throws {
        try expectBroken("more output than was asked for") { bench in
            for _ in 0..<8 { bench.data(.output, Array(repeating: 1, count: 32 << 10)) }
            bench.data(.output, Array(repeating: 1, count: 32 << 10))
            bench.data(.output, Array(repeating: 1, count: 32 << 10))
            bench.data(.output, Array(repeating: 1, count: 32 << 10))
        }
    }

    @Test("frames that cannot be, or have no place")
    func frames() throws {
        let header = FrameHeader.self
        try expectBroken("broke the protocol") { $0.say([0, 0, 0, 0, 99, 0, 0, 0]) }
        try expectBroken("too long") { $0.say([0xFF, 0xFF, 0xFF, 0xFF, 32, 1, 1, 0]) }
        try expectBroken("no place", running: false) {
            $0.say(Frame.bytes(header.init(.started, process: 1)))
        }
        try expectBroken("version 9", running: false) {
            $0.say(Frame.bytes(header.init(.hello), Hello(version: 9)))
        }
        try expectBroken("no place") { $0.greet() }
        try expectBroken("no place") { $0.say(Frame.bytes(header.init(.started, process: 1))) }
        try expectBroken("no place") { $0.data(.output, [1], process: 2) }
        try expectBroken("no place") { $0.data(.output, [1], process: 0) }
        try expectBroken("no place") { $0.data(.input, [1]) }
        try expectBroken("makes no sense") { $0.data(.output, []) }
        try expectBroken("stream", terminal: true) { $0.data(.error, [1]) }
        try expectBroken("no place") { bench in
            bench.say(Frame.bytes(header.init(.end, process: 1, stream: .output)))
            bench.data(.output, [1])
        }
        try expectBroken("makes no sense") { $0.say(Frame.bytes(header.init(.exited, process: 1), [0])) }
        try expectBroken("makes no sense") { $0.say(Frame.bytes(header.init(.exited, process: 1), [1, 99])) }
        try expectBroken("no place") { $0.say(Frame.bytes(header.init(.exited, process: 7), [0, 0])) }
        try expectBroken("no place") { $0.say(Frame.bytes(header.init(.shutdown))) }
        try expectBroken("no place") {
            $0.say(Frame.bytes(header.init(.failed, process: 1), StartFailure(.setUp, "late")))
        }
    }

    @Test("after the end nothing is heard")
    func afterTheEnd() throws {
        let bench = try SessionBench()
        bench.run()
        bench.exit(.exited(7))
        bench.data(.output, [1])
        bench.exit(.exited(8))
        #expect(try bench.end().status == 7)
    }

    @Test("lines for the log without an end, and with what moves a cursor")
    func log() throws {
        let bench = try SessionBench()
        bench.run()
        for number in 0..<5000 {
            bench.say(Frame.bytes(FrameHeader(.log), Array("line \(number)\u{1B}[H".utf8)))
        }
        bench.exit(.exited(0))
        #expect(try bench.end().status == 0)
        #expect(bench.lines.all.count == 201 && bench.lines.all[0] == "guest: line 0?[H")
    }

    @Test("credit without measure sends no more than is there, and a guest that reads nothing is given up")
    func endlessCredit() throws {
        let bench = try SessionBench { $0.isInteractive = true }
        bench.run()
        for _ in 0..<1000 {
            bench.say(Frame.bytes(FrameHeader(.credit, process: 1), Credit(byteCount: .max)))
        }
        bench.input.send([1, 2, 3])
        try eventually("the input") { bench.link.frames(.data).flatMap(\.payload) == [1, 2, 3] }
        bench.link.beDeaf()
        bench.input.send([4])
        #expect(try bench.end().message?.contains("reads nothing") == true)
    }

    @Test("any bytes at all")
    func noise() throws {
        var generator = SplitMix64(seed: 64)
        for _ in 0..<200 {
            let bench = try SessionBench { $0.isInteractive = true }
            bench.run()
            for _ in 0..<20 {
                var bytes = (0..<64).map { _ in UInt8.random(in: 0...255, using: &generator) }
                bytes.replaceSubrange(
                    0..<8,
                    with: [
                        UInt8.random(in: 0...56, using: &generator), 0, 0, 0,
                        [1, 16, 17, 18, 19, 32, 33, 34].randomElement(using: &generator)!,
                        UInt8.random(in: 0...2, using: &generator),
                        UInt8.random(in: 0...1, using: &generator), 0,
                    ])
                bench.say(bytes)
            }
            bench.exit(.exited(0))
            let outcome = try bench.end()
            #expect((0...255).contains(outcome.status))
        }
    }
}
