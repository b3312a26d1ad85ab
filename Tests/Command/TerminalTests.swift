import Foundation
import TestSupport
import Testing

@Suite("vmm boot on a terminal")
struct TerminalTests {
    /// A monitor at a terminal whose user is the test.
    private struct Session {
        let terminal: PseudoTerminal
        let before: PseudoTerminal.Mode
        let monitor: RunningMonitor

        init(_ guest: String, console: String = "none") throws {
            terminal = try PseudoTerminal()
            before = terminal.mode
            let side = terminal.program
            monitor = try RunningMonitor(
                Monitor.boot(guest, "--console", console), input: side, output: side, error: side)
            if console != "none" { try eventually("a raw terminal") { [terminal] in terminal.mode.isRaw } }
        }

        func end() throws -> ChildProcess.Ending { try monitor.child.wait() }
    }

    @Test(
        "raw while the guest runs; Ctrl-A h helps; Ctrl-A x ends it with 130",
        arguments: ["serial", "virtio"])
    func keys(console: String) throws {
        let session = try Session("spin", console: console)
        session.terminal.type("\u{01}h")
        try session.terminal.waitFor("Ctrl-A x")
        try session.terminal.waitFor("Ctrl-A Ctrl-A")
        #expect(session.monitor.child.isRunning)
        session.terminal.type("\u{01}x")
        #expect(try session.end() == .exited(130))
        #expect(session.terminal.mode == session.before)
        #expect(session.terminal.shown().contains("vmm: ended by the user"))
    }

    @Test("what is typed reaches the guest as it is, control keys too")
    func typing() throws {
        let session = try Session("echo", console: "serial")
        session.terminal.type("hello\r")
        try session.terminal.waitFor("hello\r")
        // Interrupt, suspend and one Ctrl-A are the guest's; a lone Ctrl-A goes with the key after it.
        session.terminal.type("[\u{03}\u{1A}\u{01}\u{01}\u{01}z]")
        try session.terminal.waitFor("[\u{03}\u{1A}\u{01}\u{01}z]")
        session.terminal.type("\u{04}")
        #expect(try session.end() == .exited(0))
        #expect(session.terminal.mode == session.before)
    }

    @Test(
        "restored after every signal that can end the monitor",
        arguments: [
            (SIGINT, ChildProcess.Ending.exited(130)), (SIGHUP, .exited(130)), (SIGSEGV, .signalled(SIGSEGV)),
            (SIGABRT, .signalled(SIGABRT)), (SIGBUS, .signalled(SIGBUS)), (SIGILL, .signalled(SIGILL)),
        ])
    func signals(signal: Int32, ending: ChildProcess.Ending) throws {
        let session = try Session("spin", console: "serial")
        session.monitor.child.send(signal)
        #expect(try session.end() == ending)
        #expect(session.terminal.mode == session.before)
    }

    @Test("restored after SIGTERM, which the guest takes for its power button")
    func terminated() throws {
        let session = try Session("idle", console: "serial")
        try session.monitor.waitForHalt()
        session.monitor.child.send(SIGTERM)
        #expect(try session.end() == .exited(0))
        #expect(session.terminal.mode == session.before)
        let deaf = try Session("hang", console: "serial")
        deaf.monitor.child.send(SIGTERM)
        usleep(100_000)
        #expect(deaf.monitor.child.isRunning)
        deaf.monitor.child.send(SIGTERM)
        #expect(try deaf.end() == .exited(143))
        #expect(deaf.terminal.mode == deaf.before)
    }

    @Test("a fault's report stands in lines on a terminal that was raw")
    func report() throws {
        let terminal = try PseudoTerminal(columns: 120, rows: 40)
        let before = terminal.mode
        let side = terminal.program
        let child = try ChildProcess(
            Monitor.boot("triplefault", "--console", "serial"), input: side, output: side, error: side)
        #expect(try child.wait() == .exited(5))
        try terminal.waitFor("code")
        #expect(terminal.mode == before)
        let lines = terminal.shown().split(separator: "\r\n")
        #expect(lines.count == 8 && lines.allSatisfy { !$0.contains("\n") })
    }

    @Test("no terminal is touched when input is a pipe, and none is needed")
    func pipes() throws {
        let terminal = try PseudoTerminal()
        let before = terminal.mode
        let pipe = try TestPipe()
        let monitor = try RunningMonitor(
            Monitor.boot("echo", "--console", "serial"), input: pipe.readEnd, output: terminal.program)
        pipe.send(Array("typed \u{01}x too".utf8))
        try terminal.waitFor("typed \u{01}x too")
        #expect(terminal.mode == before)
        pipe.send([4])
        #expect(try monitor.child.wait() == .exited(0))
    }
}
