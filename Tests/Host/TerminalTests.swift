import CHost
import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

/// Each test that makes a terminal raw does so in a process of its own, which has one terminal at the most.
@Suite("Terminal")
struct TerminalTests {
    @Test("a terminal is distinguished from a pipe, and its size is known")
    func size() throws {
        let terminal = try PseudoTerminal(columns: 132, rows: 43)
        let pipe = try TestPipe()
        #expect(Terminal.isTerminal(terminal.program))
        #expect(Terminal.size(of: terminal.program) == Terminal.Size(columns: 132, rows: 43))
        terminal.resize(columns: 80, rows: 24)
        #expect(Terminal.size(of: terminal.program) == Terminal.Size(columns: 80, rows: 24))
        #expect(!Terminal.isTerminal(pipe.readEnd))
        #expect(Terminal.size(of: pipe.readEnd) == nil)
        terminal.resize(columns: 0, rows: 0)
        #expect(Terminal.size(of: terminal.program) == nil)
    }

    @Test("a pipe cannot be made raw")
    func refuses() throws {
        let pipe = try TestPipe()
        #expect(throws: Failure.self) { try Terminal.makeRaw(pipe.readEnd) }
        #expect(!Terminal.isRaw)
    }

    @Test("the terminal is raw until the first restore")
    func restores() async throws {
        await #expect(processExitsWith: .success) {
            let terminal = try PseudoTerminal()
            let before = terminal.mode
            try Terminal.makeRaw(terminal.program)
            precondition(Terminal.isRaw && terminal.mode.isRaw)
            Terminal.restore()
            precondition(!Terminal.isRaw && terminal.mode == before)
            // Somebody else's settings are not undone by a second call.
            try Terminal.makeRaw(terminal.program)
            Terminal.restore()
            var other = termios()
            unsafe tcgetattr(terminal.program, &other)
            other.c_lflag &= ~UInt32(ECHO)
            unsafe tcsetattr(terminal.program, TCSANOW, &other)
            let changed = terminal.mode
            Terminal.restore()
            precondition(terminal.mode == changed)
        }
    }

    @Test("the terminal is restored when the process ends itself")
    func restoredAtExit() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.mode
        await #expect(processExitsWith: .exitCode(23)) { [path = terminal.path as String] in
            let raw = try RawTerminal(at: path)
            precondition(raw.isRaw)
            ThisProcess.end(with: 23)
        }
        #expect(terminal.mode == before)
    }

    @Test("the terminal is restored after a fault on another thread, and the fault still ends the process")
    func restoredAfterFault() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.mode
        await #expect(processExitsWith: .signal(SIGSEGV)) { [path = terminal.path as String] in
            let raw = try RawTerminal(at: path)
            precondition(raw.isRaw)
            let thread = try HostThread(named: "faults") { raise(SIGSEGV) }
            thread.join()
        }
        #expect(terminal.mode == before)
    }

    @Test("the terminal is restored after a stack overflow")
    func restoredAfterStackOverflow() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.mode
        await #expect(processExitsWith: .signal(SIGSEGV)) { [path = terminal.path as String] in
            let raw = try RawTerminal(at: path)
            precondition(raw.isRaw)
            let thread = try HostThread(named: "deep") { _ = depth(of: 1) }
            thread.join()
        }
        #expect(terminal.mode == before)
    }

    @Test("the terminal is restored when a signal cuts the end short, and the exit status stays")
    func restoredAfterHeldUpEnd() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.mode
        await #expect(processExitsWith: .exitCode(23)) { [path = terminal.path as String] in
            let raw = try RawTerminal(at: path)
            precondition(raw.isRaw)
            ThisProcess.limitEnd(with: 23)
            kill(getpid(), SIGTERM)
            Semaphore().wait()
        }
        #expect(terminal.mode == before)
    }

    @Test("the terminal is restored after a trap of Swift's own checks")
    func restoredAfterTrap() async throws {
        let terminal = try PseudoTerminal()
        let before = terminal.mode
        await #expect(processExitsWith: .failure) { [path = terminal.path as String] in
            let raw = try RawTerminal(at: path)
            precondition(raw.isRaw)
            fatalError("as intended by the test")
        }
        #expect(terminal.mode == before)
    }
}

/// A terminal that this process has opened and made raw.
struct RawTerminal {
    let descriptor: Int32

    init(at path: String) throws {
        descriptor = unsafe open(path, O_RDWR | O_NOCTTY)
        try Terminal.makeRaw(descriptor)
    }

    /// By the kernel's word.
    var isRaw: Bool {
        var settings = termios()
        unsafe tcgetattr(descriptor, &settings)
        return settings.c_lflag & UInt32(ICANON | ECHO | ISIG) == 0
    }
}

/// Calls itself until the stack ends.
@inline(never)
private func depth(of number: Int) -> Int {
    let deeper = number == 0 ? 0 : depth(of: number &+ 1)
    // Not the last thing that it does, which would need no stack.
    return deeper &+ Int(getpid())
}
