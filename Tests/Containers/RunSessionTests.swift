import AgentProtocol
import Foundation
import Host
import Machine
import TestSupport
import Testing

@testable import Containers

@Suite("A container's session")
struct RunSessionTests {
    @Test(
        "the exit status of the process becomes the status of the run",
        arguments: [
            (.exited(0), 0), (.exited(1), 1), (.exited(255), 255), (.signaled(9), 137), (.signaled(15), 143),
        ] as [(AgentProtocol.ExitStatus, Int32)])
    func statuses(exit: AgentProtocol.ExitStatus, status: Int32) throws {
        let fixture = try SessionBench()
        fixture.run()
        #expect(fixture.link.end == nil)
        fixture.exit(exit)
        let outcome = try fixture.end()
        #expect(outcome.status == status && outcome.message == nil)
    }

    @Test("processes that the guest's kernel killed are counted and named, whatever the exit status")
    func killed() throws {
        let fixture = try SessionBench { $0.memory = "96m" }
        let plan = fixture.session.plan
        fixture.greet()
        #expect(fixture.session.killedProcesses.message(plan) == nil)
        fixture.killed("tail")
        #expect(
            try eventually("the message") { fixture.session.killedProcesses.message(plan) }
                == """
                the guest ran out of its 96 MiB of memory, and its kernel killed the process 'tail'
                  Give it more with --memory; the container's files take memory too, unless --writable SIZE gives it a disk.
                """)
        fixture.say(.prepared)
        fixture.say(.identified)
        fixture.say(Frame.bytes(FrameHeader(.started, process: 1)))
        for name in ["tail", "a\u{1B}[2J", "b", "c", "d"] { fixture.killed(name) }
        fixture.exit(.exited(0))
        #expect(try fixture.end().status == 0)
        let message = try #require(fixture.session.killedProcesses.message(plan))
        #expect(message.contains("killed 6 processes: 'tail', 'a?[2J', 'b', ...\n"), "\(message)")
    }

    @Test("the message about killed processes does not suggest a disk to a guest that has one")
    func killedWithDisk() throws {
        let fixture = try SessionBench { $0.writable = "1G" }
        var killed = KilledProcesses()
        killed.add(nil)
        #expect(
            killed.message(fixture.session.plan)?.hasSuffix("killed a process\n  Give it more with --memory.")
                == true)
    }

    @Test(
        "a process that cannot be started has the status of docker",
        arguments: [(.setUp, 125, 0), (.setUp, 125, 1), (.notExecutable, 126, 1), (.notFound, 127, 1)]
            as [(StartFailure.Reason, Int32, UInt16)])
    func failures(reason: StartFailure.Reason, status: Int32, process: UInt16) throws {
        let fixture = try SessionBench()
        fixture.identify()
        fixture.say(
            Frame.bytes(FrameHeader(.failed, process: process), StartFailure(reason, "no\u{1B}[2J such")))
        let outcome = try fixture.end()
        #expect(outcome.status == status && outcome.message == "no?[2J such")
    }

    @Test("both output streams reach their own descriptors completely before the end")
    func streams() throws {
        let fixture = try SessionBench()
        fixture.run()
        fixture.data(.output, Array("out".utf8))
        fixture.data(.error, Array("err".utf8))
        fixture.data(.output, Array("put".utf8))
        fixture.exit(.exited(3))
        #expect(try fixture.end().status == 3)
        #expect(try fixture.output.receive(exactly: 6) == Array("output".utf8))
        #expect(try fixture.error.receive(exactly: 3) == Array("err".utf8))
    }

    @Test("a stopped reader holds the credit back, and nothing is lost when it continues")
    func slowReader() throws {
        let fixture = try SessionBench()
        fixture.run()
        var (sent, credit) = ([UInt8](), Credit.initial)
        while credit > 0 {
            let piece = (0..<min(credit, 32 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ sent.count) }
            fixture.data(.output, piece)
            sent += piece
            credit -= piece.count
        }
        // The pipe holds 64 KiB, so credit for that much comes, and no more.
        fixture.exit(.exited(0))
        #expect(fixture.link.end == nil, "what nobody has read is still to be written")
        #expect(try fixture.output.receive(exactly: sent.count) == sent)
        #expect(try fixture.end().status == 0)
    }

    @Test("100 MB pass through 256 KiB of credit")
    func much() throws {
        let fixture = try SessionBench()
        fixture.run()
        let total = 100 << 20
        let reader = try TestReader(fixture.output, exactly: total)
        let piece = (0..<(32 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sent = 0
        while sent < total {
            let given = fixture.link.frames(.credit, .output).reduce(Credit.initial) {
                $0 + Int((try? $1.value(Credit.self).byteCount) ?? 0)
            }
            guard sent + piece.count <= given else {
                usleep(100)
                continue
            }
            fixture.data(.output, piece)
            sent += piece.count
        }
        fixture.exit(.exited(0))
        let received = try reader.bytes()
        #expect(received.count == total && received.suffix(piece.count).elementsEqual(piece))
        #expect(try fixture.end().status == 0)
    }

    @Test("a reader that has closed its pipe ends the stream, and the process continues")
    func brokenPipe() throws {
        let fixture = try SessionBench()
        fixture.run()
        Signals.ignoreBrokenPipes()
        try replaceWithNothing(fixture.output.readEnd)
        fixture.data(.output, [1, 2, 3])
        try eventually("the end of the stream") { !fixture.link.frames(.end, .output).isEmpty }
        #expect(fixture.link.end == nil)
        fixture.data(.output, [4])
        fixture.exit(.signaled(13))
        #expect(try fixture.end().status == 141)
        #expect(fixture.session.outputFailure == nil, "nobody has to be told of a reader that has gone")
    }

    @Test(
        "output that cannot be written is reported, and is a failure unless the process already failed",
        arguments: [(0, 125), (3, 3)] as [(UInt8, Int32)])
    func lostOutput(exit: UInt8, status: Int32) throws {
        for (kind, name) in [(StreamKind.output, "output"), (.error, "error")] {
            let fixture = try SessionBench()
            fixture.run()
            try replaceWithNothing(
                kind == .output ? fixture.output.writeEnd : fixture.error.writeEnd, "/dev/full")
            fixture.data(kind, [1, 2, 3])
            try eventually("the end of the stream") { !fixture.link.frames(.end, kind).isEmpty }
            fixture.exit(.exited(exit))
            let outcome = try fixture.end().noting(outputFailure: fixture.session.outputFailure)
            #expect(outcome.status == status)
            #expect(
                outcome.message == "cannot write the container's standard \(name): no space left on device")
        }
    }

    @Test("input is sent as far as there is credit, followed by its end")
    func input() throws {
        let fixture = try SessionBench { $0.isInteractive = true }
        fixture.run()
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let writer = try HostThread(named: "test-writer") { [input = fixture.input] in input.send(sent) }
        let count = { fixture.link.frames(.data).reduce(0) { $0 + $1.payload.count } }
        try eventually("all of the credit") { count() == Credit.initial }
        fixture.say(Frame.bytes(FrameHeader(.credit, process: 1), Credit(byteCount: 100_000)))
        try eventually("the rest") { count() == sent.count }
        writer.join()
        #expect(fixture.link.frames(.data).flatMap(\.payload) == sent)
        #expect(fixture.link.frames(.end).isEmpty)
        try replaceWithNothing(fixture.input.writeEnd)
        try eventually("the end of input") { fixture.link.frames(.end).count == 1 }
        fixture.exit(.exited(0))
        #expect(try fixture.end().status == 0)
    }

    /// Closes a pipe's end, whose number stays taken for its owner.
    private func replaceWithNothing(_ descriptor: Int32, _ path: String = "/dev/null") throws {
        let nothing = unsafe open(path, O_RDWR | O_CLOEXEC)
        try #require(nothing >= 0 && dup2(nothing, descriptor) == descriptor)
        close(nothing)
    }

    @Test("without -i no input is read")
    func noInput() throws {
        let fixture = try SessionBench()
        fixture.input.send([1, 2, 3])
        fixture.run()
        fixture.say(Frame.bytes(FrameHeader(.credit, process: 1), Credit(byteCount: 9)))
        fixture.exit(.exited(0))
        #expect(try fixture.end().status == 0 && fixture.link.frames(.data).isEmpty)
        #expect(try fixture.input.receive(exactly: 3) == [1, 2, 3])
    }

    @Test(
        "signals are forwarded to the process, SIGTERM as its stop signal; before it runs they end the session"
    )
    func signals() throws {
        let fixture = try SessionBench { $0.stopSignal = "USR2" }
        fixture.run()
        fixture.link.onLoop { [session = fixture.session] in
            for signal in [SIGINT, SIGTERM, SIGWINCH, SIGQUIT] { session.receive(signal: signal) }
        }
        let numbers = try fixture.link.frames(.signal).map { try $0.value(Signal.self).number }
        #expect(numbers == [2, 12, 28, 3] && fixture.link.end == nil)

        let early = try SessionBench()
        early.link.onLoop { [session = early.session] in
            session.receive(signal: SIGUSR1)
            session.receive(signal: SIGINT)
        }
        #expect(try early.end().status == 130)
        #expect(early.link.frames(.signal).isEmpty)
    }

    @Test(
        "the third signal that a process ignores ends its machine",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func thirdSignal(signal: Int32) throws {
        let fixture = try SessionBench()
        fixture.run()
        fixture.link.onLoop { [session = fixture.session] in
            for second: UInt64 in [100, 106, 112, 118] {
                session.receive(signal: SIGTERM, at: MonotonicTime(nanoseconds: second * 1_000_000_000))
                session.receive(signal: SIGQUIT, at: MonotonicTime(nanoseconds: second * 1_000_000_000))
            }
        }
        #expect(fixture.link.end == nil && fixture.link.frames(.signal).count == 8)
        fixture.link.onLoop { [session = fixture.session] in
            session.receive(signal: signal, at: MonotonicTime(nanoseconds: 119_000_000_000))
        }
        let outcome = try fixture.end()
        #expect(outcome.status == 128 + signal)
        #expect(outcome.message?.contains("3 requests") == true && !outcome.wantsConsole)
        #expect(fixture.link.frames(.signal).count == 8)
    }

    /// In a process of its own: the end of any other session would put the terminal back.
    @Test(
        "Ctrl-C on a raw terminal ends a session whose process does not run yet, and later goes to the process"
    )
    func interruptKey() async throws {
        await #expect(processExitsWith: .success) {
            let terminal = try PseudoTerminal()
            let before = terminal.mode
            for step in ["silent", "greeted", "identified", "running"] {
                do {
                    let fixture = try SessionBench(input: terminal.program) {
                        $0.isInteractive = true
                        $0.hasTerminal = true
                    }
                    precondition(terminal.mode.isRaw)
                    if step == "greeted" { fixture.greet() }
                    if step == "identified" { fixture.identify() }
                    if step == "running" { fixture.run() }
                    terminal.type("x\u{3}")
                    if step == "running" {
                        try eventually("the keys") { fixture.link.frames(.data).flatMap(\.payload).last == 3 }
                        precondition(fixture.link.end == nil)
                        fixture.exit(.exited(7))
                    }
                    let status = try fixture.end().status
                    precondition(status == (step == "running" ? 7 : 130))
                }
                precondition(terminal.mode == before)
            }
        }
    }

    @Test("a writable disk is written before the machine ends")
    func disk() throws {
        let fixture = try SessionBench { $0.writable = "64m" }
        fixture.run()
        fixture.exit(.exited(5))
        try eventually("the request") { fixture.link.kinds.last == .shutdown }
        #expect(fixture.link.end == nil)
        #expect(ContainerOutcome(fixture.session.containerEnd, machine: .poweredOff).status == 5)
    }

    @Test("the end of a machine before its container is a failure")
    func machineEnds() {
        let panic = ContainerOutcome(nil, machine: .panicked)
        #expect(panic.status == 125 && panic.wantsConsole && panic.message?.contains("panicked") == true)
        #expect(ContainerOutcome(nil, machine: .poweredOff).status == 125)
        let failure = Failure(.unavailable, "cannot use KVM", because: "it is not there")
        #expect(ContainerOutcome(nil, machine: .failed(failure)).message == failure.description)
        #expect(ContainerOutcome(.exited(.exited(4)), machine: .poweredOff).status == 4)
    }
}
