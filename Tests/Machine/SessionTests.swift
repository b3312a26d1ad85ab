import Foundation
import Host
import Machine
import Synchronization
import TestSupport
import Testing

/// A session that a test writes.
private final class TestSession: AgentSession {
    let recorder: TestRecorder
    let starts = Atomic<Int>(0)
    let ends = Atomic<Int>(0)
    private let link = Mutex<AgentLink?>(nil)
    private let onStart: @Sendable (AgentLink) throws(Failure) -> Void
    private let onReceived: @Sendable (AgentLink, [UInt8]) -> Void

    init(
        onStart: @escaping @Sendable (AgentLink) throws(Failure) -> Void = { _ in },
        onReceived: @escaping @Sendable (AgentLink, [UInt8]) -> Void = { _, _ in }
    ) throws {
        recorder = try TestRecorder()
        self.onStart = onStart
        self.onReceived = onReceived
    }

    func start(_ link: AgentLink) throws(Failure) {
        starts.add(1, ordering: .relaxed)
        self.link.withLock { $0 = link }
        try onStart(link)
    }

    func received(_ bytes: [UInt8]) {
        #expect(ends.load(ordering: .relaxed) == 0)
        recorder.record(bytes)
        if let link = link.withLock({ $0 }) { onReceived(link, bytes) }
    }

    func end() { ends.add(1, ordering: .relaxed) }

    func expectOneLife() {
        #expect(starts.load(ordering: .relaxed) == 1)
        #expect(ends.load(ordering: .relaxed) == 1)
    }
}

@Suite("A session at the guest's port")
struct SessionTests {
    @Test("what is sent before the guest is there comes back, and the session ends the machine")
    func echo() throws {
        let text = Array("from before the guest was there".utf8)
        let session = try TestSession(
            onStart: { $0.send(text) },
            onReceived: { link, bytes in if bytes.last == text.last { link.finish() } })
        let run = try MachineRun("virtioport", session: session)
        let end = try run.end()
        #expect(end == .sessionEnded)
        #expect(end.exitStatus == 0 && end.name == "session-ended")
        #expect(session.recorder.bytes == text)
        session.expectOneLife()
    }

    @Test("thousands of bytes go there and back in order, in answers to answers")
    func conversation() throws {
        let sent = (0..<4000).map { UInt8(truncatingIfNeeded: $0 &* 7) | 0x80 }
        let counter = Counter()
        let session = try TestSession(
            onStart: { link in
                for start in stride(from: 0, to: 4000, by: 500) {
                    link.send(Array(sent[start..<(start + 500)]))
                }
            },
            onReceived: { link, bytes in
                let count = counter.value.add(bytes.count, ordering: .relaxed).newValue
                if count == sent.count { link.send(Array("q".utf8)) }
            })
        let run = try MachineRun("virtioport", session: session)
        #expect(try run.end() == .poweredOff, "the guest heard the q")
        #expect(session.recorder.bytes == sent)
        #expect(run.log.marks == [MachineLog.passed])
        session.expectOneLife()
    }

    @Test("the power button is the session's to press, and signals are its to watch")
    func powerButton() throws {
        let session = try TestSession(onStart: { link throws(Failure) in
            let signals = try SignalDescriptor([SIGTERM])
            try link.loop.watch(signals.descriptor) {
                if signals.next() == SIGTERM { link.requestPowerOff() }
            }
        })
        let run = try MachineRun("idle", session: session)
        try run.waitForUserland()
        run.signal(SIGTERM)
        #expect(try run.end() == .poweredOff)
        session.expectOneLife()
    }

    @Test("a session that cannot start ends the machine before its first instruction")
    func failedStart() throws {
        let failure = Failure(.host, "cannot begin", because: "a test says so")
        let session = try TestSession(onStart: { _ throws(Failure) in throw failure })
        let run = try MachineRun("hang", session: session)
        #expect(try run.end() == .failed(failure))
        #expect(run.timings.nanoseconds(to: .userland) == nil)
        session.expectOneLife()
    }

    @Test("only the first end counts")
    func firstEnd() throws {
        let failure = Failure(.badInput, "the agent is mad", because: "it said so")
        let session = try TestSession(onStart: { link in
            link.finish(with: .failed(failure))
            link.finish()
        })
        #expect(try MachineRun("hang", session: session).end() == .failed(failure))
        session.expectOneLife()
    }

    @Test("the guest's last words on a serial console that is kept")
    func consoleTail() throws {
        let run = try MachineRun("serial") {
            $0.console = .serial
            $0.keepsConsole = true
        }
        #expect(try run.end() == .poweredOff)
        #expect(String(decoding: run.consoleTail, as: UTF8.self).contains("tiny guest: serial line\r\n"))
    }

    @Test("a virtio console cannot be kept")
    func virtioTail() throws {
        let run = try MachineRun("halt") {
            $0.console = .virtio
            $0.keepsConsole = true
        }
        #expect(throws: Failure.self) { try run.end() }
    }
}

private final class Counter: Sendable {
    let value = Atomic<Int>(0)
}
