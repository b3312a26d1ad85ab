import Host
import Testing

@testable import Devices

@Suite struct InputGateTests {
    private let start = MonotonicTime(nanoseconds: 1_000)

    private func later(_ milliseconds: UInt64) -> MonotonicTime {
        MonotonicTime(nanoseconds: start.nanoseconds + milliseconds * 1_000_000)
    }

    @Test func itOpensAfterSilenceAndAnAnswer() {
        var gate = InputGate(silence: 50)
        #expect(gate.noteRead() == false)
        #expect(gate.noteBuffers(now: start) == .wait(milliseconds: 50))
        #expect(gate.noteBuffers(now: start) == .nothing)
        gate.noteOutput()
        #expect(gate.noteSilence(now: later(50)) == .wait(milliseconds: 50))
        #expect(gate.noteSilence(now: later(100)) == .ask)
        #expect(!gate.isOpen)
        #expect(gate.noteRead() == true)
        #expect(gate.isOpen)
        #expect(gate.noteSilence(now: later(200)) == .nothing)
    }

    @Test func noiseDoesNotKeepItShutForEver() {
        var gate = InputGate(silence: 50)
        _ = gate.noteBuffers(now: start)
        gate.noteOutput()
        #expect(gate.noteSilence(now: later(1999)) == .wait(milliseconds: 50))
        gate.noteOutput()
        #expect(gate.noteSilence(now: later(2001)) == .ask)
        #expect(gate.noteSilence(now: later(2101)) == .open)
        #expect(gate.isOpen)
    }

    @Test func withoutSilenceItIsOpenFromTheStart() {
        var gate = InputGate(silence: 0)
        #expect(gate.isOpen)
        #expect(gate.noteBuffers(now: start) == .nothing)
    }
}
