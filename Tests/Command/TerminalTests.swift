import Foundation
import TestSupport
import Testing

@Suite("vmm boot on a terminal")
struct TerminalTests {
    /// A monitor on a terminal whose user is the test.
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
        // The guest receives Ctrl-C and Ctrl-Z. Two Ctrl-A send one; a Ctrl-A before another key is sent with
        // that key.
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
            (SIGQUIT, .signalled(SIGQUIT)), (SIGUSR1, .signalled(SIGUSR1)), (SIGUSR2, .signalled(SIGUSR2)),
            (SIGALRM, .signalled(SIGALRM)), (SIGXCPU, .signalled(SIGXCPU)),
            (SIGVTALRM, .signalled(SIGVTALRM)),
            (SIGPROF, .signalled(SIGPROF)), (SIGIO, .signalled(SIGIO)), (SIGPWR, .signalled(SIGPWR)),
            (SIGSTKFLT, .signalled(SIGSTKFLT)), (34, .signalled(34)), (64, .signalled(64)),
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

    @Test(
        "put back while the monitor is stopped, and raw again when it goes on",
        arguments: [SIGTSTP, SIGTTIN, SIGTTOU])
    func stopped(signal: Int32) throws {
        let session = try Session("echo", console: "serial")
        session.monitor.child.send(signal)
        try eventually("a stopped monitor, and the terminal as it was") {
            session.monitor.child.state == "T" && session.terminal.mode == session.before
        }
        session.monitor.child.send(SIGCONT)
        try eventually("a raw terminal") { session.terminal.mode.isRaw }
        session.terminal.type("[again\u{03}]")
        try session.terminal.waitFor("[again\u{03}]")
        session.terminal.type("\u{04}")
        #expect(try session.end() == .exited(0))
        #expect(session.terminal.mode == session.before)
    }

    @Test("raw again after SIGSTOP, of which nobody is told, when a shell has set the terminal its own way")
    func stoppedUnawares() throws {
        let session = try Session("echo", console: "serial")
        session.monitor.child.send(SIGSTOP)
        try eventually("a stopped monitor") { session.monitor.child.state == "T" }
        // A shell changes the settings in this way when it takes the terminal back.
        var cooked = termios()
        unsafe tcgetattr(session.terminal.program, &cooked)
        cooked.c_lflag |= UInt32(ICANON | ECHO | ISIG)
        cooked.c_oflag |= UInt32(OPOST)
        unsafe tcsetattr(session.terminal.program, TCSANOW, &cooked)
        let shells = session.terminal.mode
        session.monitor.child.send(SIGCONT)
        try eventually("a raw terminal") { session.terminal.mode.isRaw }
        session.terminal.type("x\u{04}")
        #expect(try session.end() == .exited(0))
        #expect(session.terminal.mode == shells, "what was set meanwhile stays")
    }

    @Test("what nobody has read at the end is dropped, and not typed into the user's shell")
    func unreadInput() throws {
        let session = try Session("spin", console: "serial")
        // More bytes than the monitor reads at once, so that some remain when it ends.
        session.monitor.child.send(SIGSTOP)
        try eventually("a stopped monitor") { session.monitor.child.state == "T" }
        session.terminal.type("\u{01}x" + String(repeating: "\u{1B}[?6c", count: 600))
        session.monitor.child.send(SIGCONT)
        #expect(try session.end() == .exited(130))
        var settings = termios()
        unsafe tcgetattr(session.terminal.program, &settings)
        settings.c_lflag &= ~UInt32(ICANON)
        unsafe tcsetattr(session.terminal.program, TCSANOW, &settings)
        var left: Int32 = 0
        _ = unsafe ioctl(session.terminal.program, UInt(FIONREAD), &left)
        #expect(left == 0)
    }

    @Test("who waits for a guest that prints nothing is told once what to try")
    func silence() throws {
        let terminal = try PseudoTerminal(columns: 200, rows: 24)
        let side = terminal.program
        let monitor = try RunningMonitor(Monitor.boot("spin"), input: side, output: side, error: side)
        try terminal.waitFor("the guest has printed nothing")
        terminal.type("\u{01}x")
        #expect(try monitor.child.wait() == .exited(130))
        try terminal.waitFor("ended by the user")
        let count = terminal.shown().components(separatedBy: "has printed nothing").count - 1
        #expect(count == 1, "\(terminal.shown())")
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
