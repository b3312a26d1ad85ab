import AgentProtocol
import Foundation
import Host
import Machine
import TestSupport
import Testing

@testable import Containers

@Suite("A container's session")
struct RunSessionTests {
    @Test("everything that has to be said is said at once, in order")
    func start() throws {
        let bench = try SessionBench { $0.hostname = "there" }
        #expect(bench.link.kinds == [.hello, .container, .start])
        let container = try #require(bench.link.frames(.container).first)
        #expect(try container.value(ContainerSpecification.self).hostname == "there")
        let start = try #require(bench.link.frames(.start).first)
        #expect(start.header.process == 1)
        #expect(try start.value(ProcessSpecification.self).arguments == ["true"])
    }

    @Test(
        "exit statuses",
        arguments: [
            (.exited(0), 0), (.exited(1), 1), (.exited(255), 255), (.signaled(9), 137), (.signaled(15), 143),
        ] as [(AgentProtocol.ExitStatus, Int32)])
    func statuses(exit: AgentProtocol.ExitStatus, status: Int32) throws {
        let bench = try SessionBench()
        bench.run()
        #expect(bench.link.end == nil)
        bench.exit(exit)
        let outcome = try bench.end()
        #expect(outcome.status == status && outcome.message == nil)
    }

    @Test("processes that the guest's kernel killed are counted and named, whatever the exit status")
    func killed() throws {
        let bench = try SessionBench { $0.memory = "96m" }
        let plan = bench.session.plan
        bench.greet()
        #expect(bench.session.killedProcesses.message(plan) == nil)
        bench.killed("tail")
        #expect(
            try eventually("the message") { bench.session.killedProcesses.message(plan) }
                == """
                the guest ran out of its 96 MiB of memory, and its kernel killed the process 'tail'
                  Give it more with --memory; what the container writes lies in memory too, unless --writable SIZE gives it a disk.
                """)
        bench.say(Frame.bytes(FrameHeader(.started, process: 1)))
        for name in ["tail", "a\u{1B}[2J", "b", "c", "d"] { bench.killed(name) }
        bench.exit(.exited(0))
        #expect(try bench.end().status == 0)
        let message = try #require(bench.session.killedProcesses.message(plan))
        #expect(message.contains("killed 6 processes: 'tail', 'a?[2J', 'b', ...\n"), "\(message)")
    }

    @Test("a guest whose files lie on a disk is not sent there")
    func killedWithDisk() throws {
        let bench = try SessionBench { $0.writable = "1G" }
        var killed = KilledProcesses()
        killed.add(nil)
        #expect(
            killed.message(bench.session.plan)?.hasSuffix("killed a process\n  Give it more with --memory.")
                == true)
    }

    @Test(
        "a process that cannot be started",
        arguments: [(.setUp, 125, 0), (.setUp, 125, 1), (.notExecutable, 126, 1), (.notFound, 127, 1)]
            as [(StartFailure.Reason, Int32, UInt16)])
    func failures(reason: StartFailure.Reason, status: Int32, process: UInt16) throws {
        let bench = try SessionBench()
        bench.greet()
        bench.say(
            Frame.bytes(FrameHeader(.failed, process: process), StartFailure(reason, "no\u{1B}[2J such")))
        let outcome = try bench.end()
        #expect(outcome.status == status && outcome.message == "no?[2J such")
    }

    @Test("the two streams go to their own descriptors, all of them before the end")
    func streams() throws {
        let bench = try SessionBench()
        bench.run()
        bench.data(.output, Array("out".utf8))
        bench.data(.error, Array("err".utf8))
        bench.data(.output, Array("put".utf8))
        bench.exit(.exited(3))
        #expect(try bench.end().status == 3)
        #expect(try bench.output.receive(exactly: 6) == Array("output".utf8))
        #expect(try bench.error.receive(exactly: 3) == Array("err".utf8))
    }

    @Test("a reader that stops holds the credit back, and nothing is lost when it goes on")
    func slowReader() throws {
        let bench = try SessionBench()
        bench.run()
        var (sent, credit) = ([UInt8](), Credit.initial)
        while credit > 0 {
            let piece = (0..<min(credit, 32 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ sent.count) }
            bench.data(.output, piece)
            sent += piece
            credit -= piece.count
        }
        // The pipe holds 64 KiB, so credit for that much comes, and no more.
        bench.exit(.exited(0))
        #expect(bench.link.end == nil, "what nobody has read is still to be written")
        #expect(try bench.output.receive(exactly: sent.count) == sent)
        #expect(try bench.end().status == 0)
    }

    @Test("100 MB go through 256 KiB of credit")
    func much() throws {
        let bench = try SessionBench()
        bench.run()
        let total = 100 << 20
        let reader = try TestReader(bench.output, exactly: total)
        let piece = (0..<(32 << 10)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var sent = 0
        while sent < total {
            let given = bench.link.frames(.credit, .output).reduce(Credit.initial) {
                $0 + Int((try? $1.value(Credit.self).byteCount) ?? 0)
            }
            guard sent + piece.count <= given else {
                usleep(100)
                continue
            }
            bench.data(.output, piece)
            sent += piece.count
        }
        bench.exit(.exited(0))
        let received = try reader.bytes()
        #expect(received.count == total && received.suffix(piece.count).elementsEqual(piece))
        #expect(try bench.end().status == 0)
    }

    @Test("a reader that is gone ends the stream for the process, which goes on")
    func brokenPipe() throws {
        let bench = try SessionBench()
        bench.run()
        Signals.ignoreBrokenPipes()
        try replaceWithNothing(bench.output.readEnd)
        bench.data(.output, [1, 2, 3])
        try eventually("the end of the stream") { !bench.link.frames(.end, .output).isEmpty }
        #expect(bench.link.end == nil)
        bench.data(.output, [4])
        bench.exit(.signaled(13))
        #expect(try bench.end().status == 141)
        #expect(bench.session.outputFailure == nil, "nobody has to be told of a reader that has gone")
    }

    @Test(
        "output that cannot be written is a line, and a status where the process has none",
        arguments: [(0, 125), (3, 3)] as [(UInt8, Int32)])
    func lostOutput(exit: UInt8, status: Int32) throws {
        for (kind, name) in [(StreamKind.output, "output"), (.error, "error")] {
            let bench = try SessionBench()
            bench.run()
            try replaceWithNothing(
                kind == .output ? bench.output.writeEnd : bench.error.writeEnd, "/dev/full")
            bench.data(kind, [1, 2, 3])
            try eventually("the end of the stream") { !bench.link.frames(.end, kind).isEmpty }
            bench.exit(.exited(exit))
            let outcome = try bench.end().noting(outputFailure: bench.session.outputFailure)
            #expect(outcome.status == status)
            #expect(
                outcome.message == "cannot write the container's standard \(name): no space left on device")
        }
    }

    @Test("input goes as far as there is credit, and its end is told")
    func input() throws {
        let bench = try SessionBench { $0.isInteractive = true }
        bench.run()
        let sent = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let writer = try HostThread(named: "test-writer") { [input = bench.input] in input.send(sent) }
        let count = { bench.link.frames(.data).reduce(0) { $0 + $1.payload.count } }
        try eventually("all of the credit") { count() == Credit.initial }
        bench.say(Frame.bytes(FrameHeader(.credit, process: 1), Credit(byteCount: 100_000)))
        try eventually("the rest") { count() == sent.count }
        writer.join()
        #expect(bench.link.frames(.data).flatMap(\.payload) == sent)
        #expect(bench.link.frames(.end).isEmpty)
        try replaceWithNothing(bench.input.writeEnd)
        try eventually("the end of input") { bench.link.frames(.end).count == 1 }
        bench.exit(.exited(0))
        #expect(try bench.end().status == 0)
    }

    /// Closes a pipe's end, whose number stays taken for its owner.
    private func replaceWithNothing(_ descriptor: Int32, _ path: String = "/dev/null") throws {
        let nothing = unsafe open(path, O_RDWR | O_CLOEXEC)
        try #require(nothing >= 0 && dup2(nothing, descriptor) == descriptor)
        close(nothing)
    }

    @Test("without -i nothing is read")
    func noInput() throws {
        let bench = try SessionBench()
        bench.input.send([1, 2, 3])
        bench.run()
        bench.say(Frame.bytes(FrameHeader(.credit, process: 1), Credit(byteCount: 9)))
        bench.exit(.exited(0))
        #expect(try bench.end().status == 0 && bench.link.frames(.data).isEmpty)
        #expect(try bench.input.receive(exactly: 3) == [1, 2, 3])
    }

    @Test("signals go to the process, SIGTERM as its stop signal; before there is one they are for us")
    func signals() throws {
        let bench = try SessionBench { $0.stopSignal = "USR2" }
        bench.run()
        bench.link.onLoop { [session = bench.session] in
            for signal in [SIGINT, SIGTERM, SIGWINCH, SIGQUIT] { session.take(signal: signal) }
        }
        let numbers = try bench.link.frames(.signal).map { try $0.value(Signal.self).number }
        #expect(numbers == [2, 12, 28, 3] && bench.link.end == nil)

        let early = try SessionBench()
        early.link.onLoop { [session = early.session] in
            session.take(signal: SIGUSR1)
            session.take(signal: SIGINT)
        }
        #expect(try early.end().status == 130)
        #expect(early.link.frames(.signal).isEmpty)
    }

    @Test(
        "a process that does not heed signals loses its machine at the third",
        arguments: [SIGINT, SIGTERM, SIGHUP])
    func insistence(signal: Int32) throws {
        let bench = try SessionBench()
        bench.run()
        bench.link.onLoop { [session = bench.session] in
            for second: UInt64 in [100, 106, 112, 118] {
                session.take(signal: SIGTERM, at: MonotonicTime(nanoseconds: second * 1_000_000_000))
                session.take(signal: SIGQUIT, at: MonotonicTime(nanoseconds: second * 1_000_000_000))
            }
        }
        #expect(bench.link.end == nil && bench.link.frames(.signal).count == 8)
        bench.link.onLoop { [session = bench.session] in
            session.take(signal: signal, at: MonotonicTime(nanoseconds: 119_000_000_000))
        }
        let outcome = try bench.end()
        #expect(outcome.status == 128 + signal)
        #expect(outcome.message?.contains("3 signals") == true && !outcome.wantsConsole)
        #expect(bench.link.frames(.signal).count == 8)
    }

    /// In a process of its own: the end of any other session would put the terminal back.
    @Test("Ctrl-C on a raw terminal ends what has not begun, and is the process's when it runs")
    func interruptKey() async throws {
        await #expect(processExitsWith: .success) {
            let terminal = try PseudoTerminal()
            let before = terminal.mode
            for step in ["silent", "greeted", "running"] {
                do {
                    let bench = try SessionBench(input: terminal.program) {
                        $0.isInteractive = true
                        $0.hasTerminal = true
                    }
                    precondition(terminal.mode.isRaw)
                    if step == "greeted" { bench.greet() }
                    if step == "running" { bench.run() }
                    terminal.type("x\u{3}")
                    if step == "running" {
                        try eventually("the keys") { bench.link.frames(.data).flatMap(\.payload).last == 3 }
                        precondition(bench.link.end == nil)
                        bench.exit(.exited(7))
                    }
                    let status = try bench.end().status
                    precondition(status == (step == "running" ? 7 : 130))
                }
                precondition(terminal.mode == before)
            }
        }
    }

    @Test("a disk is written out before the machine goes")
    func disk() throws {
        let bench = try SessionBench { $0.writable = "64m" }
        bench.run()
        bench.exit(.exited(5))
        try eventually("the request") { bench.link.kinds.last == .shutdown }
        #expect(bench.link.end == nil)
        #expect(ContainerOutcome(bench.session.containerEnd, machine: .poweredOff).status == 5)
    }

    @Test("a machine that ends before its container")
    func machineEnds() {
        let panic = ContainerOutcome(nil, machine: .panicked)
        #expect(panic.status == 125 && panic.wantsConsole && panic.message?.contains("panicked") == true)
        #expect(ContainerOutcome(nil, machine: .poweredOff).status == 125)
        let failure = Failure(.unavailable, "cannot use KVM", because: "it is not there")
        #expect(ContainerOutcome(nil, machine: .failed(failure)).message == failure.description)
        #expect(ContainerOutcome(.exited(.exited(4)), machine: .poweredOff).status == 4)
    }
}
