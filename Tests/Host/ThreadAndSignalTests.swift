import Foundation
import Host
import Synchronization
import TestSupport
import Testing

@Suite("HostThread, SignalMask and SignalDescriptor")
struct ThreadAndSignalTests {
    /// The signals that a thread has blocked, from the line SigBlk of proc(5): bit n - 1 is signal n.
    private static func blocked() -> UInt64 {
        let status = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("SigBlk:") } ?? ""
        return UInt64(line.split(separator: "\t").last ?? "", radix: 16) ?? 0
    }

    private static func name() -> String {
        (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
    }

    @Test(
        "a thread runs its body under its name, with all signals blocked except those of faults and one more")
    func runs() throws {
        let results = SeenBox()
        let thread = try HostThread(named: "a-name-of-18-bytes", allowing: SIGUSR1) {
            results.set(Self.blocked(), Self.name())
        }
        thread.join()
        let (blocked, name) = results.get()
        #expect(name == "a-name-of-18-by\n")
        for signal in [SIGTERM, SIGINT, SIGHUP, SIGWINCH, SIGUSR2, SIGCHLD, SIGPIPE] {
            #expect(blocked & 1 << (signal - 1) != 0, "signal \(signal) is blocked")
        }
        for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGUSR1] {
            #expect(blocked & 1 << (signal - 1) == 0, "signal \(signal) gets through")
        }
    }

    @Test("a signal interrupts a thread's blocking call")
    func interrupts() throws {
        Signals.makeInterrupting(SIGUSR1)
        let pipe = try TestPipe()
        let ended = try EventFD()
        let thread = try HostThread(named: "reader", allowing: SIGUSR1) {
            var byte: UInt8 = 0
            if unsafe read(pipe.readEnd, &byte, 1) < 0, errno == EINTR { ended.signal() }
        }
        // The signal may come before the call: then it is sent again.
        try eventually("the interrupted call") {
            thread.interrupt(with: SIGUSR1)
            return ended.wait(milliseconds: 10)
        }
        thread.join()
    }

    @Test("signals of a descriptor are read from it instead of ending the process")
    func descriptor() throws {
        let (ready, received) = (try EventFD(), SeenSignals())
        let thread = try HostThread(named: "signals") {
            guard let source = try? SignalDescriptor([SIGTERM, SIGHUP]) else { return }
            if source.next() == nil { ready.signal() }
            while received.all.count < 2 {
                if let signal = source.next() { received.note(signal) } else { usleep(1000) }
            }
        }
        #expect(ready.wait(milliseconds: WatchdogExpired.milliseconds), "nothing was there before")
        thread.interrupt(with: SIGTERM)
        thread.interrupt(with: SIGHUP)
        thread.join()
        #expect(received.all.sorted() == [SIGHUP, SIGTERM])
    }
}

private final class SeenBox: Sendable {
    private let value = Mutex<(UInt64, String)>((0, ""))
    func set(_ blocked: UInt64, _ name: String) { value.withLock { $0 = (blocked, name) } }
    func get() -> (UInt64, String) { value.withLock { $0 } }
}

private final class SeenSignals: Sendable {
    private let value = Mutex<[Int32]>([])
    func note(_ signal: Int32) { value.withLock { $0.append(signal) } }
    var all: [Int32] { value.withLock { $0 } }
}
