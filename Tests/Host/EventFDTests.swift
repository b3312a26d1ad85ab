import Host
import Synchronization
import TestSupport
import Testing

@Suite("EventFD and Semaphore")
struct EventFDTests {
    @Test("several signals count as one until the eventfd is drained")
    func drains() throws {
        let event = try EventFD()
        #expect(!event.drain())
        event.signal()
        event.signal()
        #expect(event.drain())
        #expect(!event.drain())
    }

    @Test("a wait ends with a signal of another thread")
    func wakes() throws {
        let (asked, answered) = (try EventFD(), try EventFD())
        let thread = try HostThread(named: "answers") {
            if asked.wait(milliseconds: -1) { answered.signal() }
        }
        #expect(!answered.drain())
        asked.signal()
        #expect(answered.wait(milliseconds: WatchdogExpired.milliseconds))
        thread.join()
        #expect(!answered.drain())
    }

    @Test("a wait that times out returns false and leaves the counter alone")
    func expires() throws {
        let event = try EventFD()
        #expect(!event.wait(milliseconds: 1))
        event.signal()
        #expect(event.wait(milliseconds: 0))
    }

    @Test("one of several waiting threads gets the signal")
    func oneWinner() throws {
        let event = try EventFD()
        let winners = SharedCount()
        let first = try HostThread(named: "first") { if event.wait(milliseconds: -1) { winners.add() } }
        let second = try HostThread(named: "second") { if event.wait(milliseconds: -1) { winners.add() } }
        event.signal()
        try eventually("a winner") { winners.value > 0 }
        #expect(winners.value == 1)
        event.signal()
        first.join()
        second.join()
        #expect(winners.value == 2)
    }

    @Test("a semaphore lets as many waiters pass as there were posts")
    func semaphore() throws {
        let semaphore = Semaphore()
        let passed = SharedCount()
        semaphore.post()
        semaphore.post()
        let thread = try HostThread(named: "passes") {
            for _ in 0..<3 {
                semaphore.wait()
                passed.add()
            }
        }
        try eventually("two that pass") { passed.value == 2 }
        semaphore.post()
        thread.join()
        #expect(passed.value == 3)
    }
}

/// A number that threads count up.
final class SharedCount: Sendable {
    private let number = Atomic<Int>(0)
    func add() { number.add(1, ordering: .sequentiallyConsistent) }
    var value: Int { number.load(ordering: .sequentiallyConsistent) }
}
