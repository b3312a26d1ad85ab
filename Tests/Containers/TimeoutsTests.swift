import AgentProtocol
import Foundation
import Host
import Synchronization
import TestSupport
import Testing

@testable import Containers

@Suite("The timeouts of a session")
struct TimeoutsTests {
    /// What a guest may be given up for.
    enum Kind: CaseIterable {
        /// It sleeps.
        case time
        /// It spins.
        case work

        var limit: UInt64 { self == .time ? Timeouts.timeLimit : Timeouts.workLimit }
    }

    @Test("an agent that never answers times out", arguments: Kind.allCases)
    func noAnswer(kind: Kind) throws {
        let clock = FakeClock()
        let fixture = try SessionBench(clock: clock.clock)
        clock.pass(kind, seconds: kind.limit - 1)
        try clock.isLookedAt()
        #expect(fixture.link.end == nil)
        clock.pass(kind, seconds: 1)
        try expectFailure(fixture, "does not answer")
    }

    @Test(
        "an agent that does not start the process times out, whatever else it sends", arguments: Kind.allCases
    )
    func noStart(kind: Kind) throws {
        let clock = FakeClock()
        let fixture = try SessionBench(clock: clock.clock)
        clock.pass(kind, seconds: kind.limit - 1)
        fixture.greet()
        clock.pass(kind, seconds: kind.limit - 1)
        fixture.say(Frame.bytes(FrameHeader(.log), Array("soon".utf8)))
        try clock.isLookedAt()
        #expect(fixture.link.end == nil, "each of the two may take that long")
        clock.pass(kind, seconds: 1)
        try expectFailure(fixture, "does not start the process")
    }

    @Test(
        "a restored guest times out until it has answered, and then until the start", arguments: Kind.allCases
    )
    func restored(kind: Kind) throws {
        let clock = FakeClock()
        let silent = try SessionBench(clock: clock.clock, isRestored: true)
        clock.pass(kind, seconds: kind.limit)
        try expectFailure(silent, "does not answer")
        let slow = try SessionBench(clock: clock.clock, isRestored: true)
        clock.pass(kind, seconds: kind.limit - 1)
        slow.say(.identified)
        clock.pass(kind, seconds: kind.limit - 1)
        try clock.isLookedAt()
        #expect(slow.link.end == nil, "each of the two may take that long")
        clock.pass(kind, seconds: 1)
        try expectFailure(slow, "does not start the process")
    }

    @Test("the time in which a prepared guest is saved does not count", arguments: Kind.allCases)
    func saving(kind: Kind) throws {
        let clock = FakeClock()
        let fixture = try SessionBench(
            clock: clock.clock, whenPrepared: { _ in clock.pass(kind, seconds: kind.limit) })
        fixture.greet()
        fixture.say(.prepared)
        try clock.isLookedAt()
        #expect(fixture.link.end == nil)
        clock.pass(kind, seconds: kind.limit)
        try expectFailure(fixture, "does not start the process")
    }

    @Test("a running process has no timeout", arguments: Kind.allCases)
    func running(kind: Kind) throws {
        let clock = FakeClock()
        let fixture = try SessionBench(clock: clock.clock)
        fixture.run()
        #expect(fixture.session.state.withLock { $0.timeouts == nil })
        clock.pass(kind, seconds: 1_000_000)
        usleep(20_000)
        fixture.exit(.exited(3))
        #expect(try fixture.end().status == 3)
    }

    private func expectFailure(_ fixture: SessionBench, _ words: String) throws {
        let outcome = try fixture.end()
        #expect(outcome.status == 125 && outcome.wantsConsole)
        #expect(outcome.message?.contains(words) == true, "\(outcome)")
    }
}

/// A clock that stands still but for what a test has it pass.
private final class FakeClock: Sendable {
    private struct State {
        var (time, work) = (UInt64(7), UInt64(7))
        var lookCount = 0
    }

    private let state = Mutex(State())

    var clock: Timeouts.Clock {
        Timeouts.Clock(
            time: { [self] in
                MonotonicTime(
                    nanoseconds: state.withLock { state in
                        state.lookCount += 1
                        return state.time
                    })
            },
            work: { [self] in MonotonicTime(nanoseconds: state.withLock { $0.work }) }, stepMilliseconds: 1)
    }

    func pass(_ kind: TimeoutsTests.Kind, seconds: UInt64) {
        state.withLock { state in
            switch kind {
            case .time: state.time += seconds * 1_000_000_000
            case .work: state.work += seconds * 1_000_000_000
            }
        }
    }

    /// Waits until it has been looked at since, and what came of that has happened.
    func isLookedAt() throws {
        let before = state.withLock { $0.lookCount }
        try eventually("a look at the clock") { state.withLock { $0.lookCount } >= before + 3 }
    }
}
