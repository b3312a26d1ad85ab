import Foundation
import Host
import SystemPackage
import TestSupport
import Testing

@Suite("EventLoop")
struct EventLoopTests {
    @Test("a handler is called as long as its descriptor is readable")
    func serves() throws {
        let served = TestLoop.Served()
        let test = try TestLoop()
        let pipe = try TestPipe()
        try test.loop.watch(pipe.readEnd) { served.note(try? pipe.receive(1)) }
        pipe.send([1, 2, 3])
        try eventually("three bytes") { served.bytes == [1, 2, 3] }
    }

    @Test("the loop serves more descriptors than one epoll_wait returns")
    func serves100() throws {
        let test = try TestLoop()
        let count = SharedCount()
        let events = try (0..<100).map { _ in try EventFD() }
        for event in events {
            try test.loop.watch(event.descriptor) { if event.drain() { count.add() } }
        }
        for event in events { event.signal() }
        try eventually("all of them") { count.value == 100 }
    }

    @Test("a removed handler is not called again, and can be added again")
    func unwatches() throws {
        let test = try TestLoop()
        let (event, count) = (try EventFD(), SharedCount())
        try test.loop.watch(event.descriptor) { if event.drain() { count.add() } }
        test.loop.unwatch(event.descriptor)
        event.signal()
        try test.settle()
        #expect(count.value == 0)
        try test.loop.watch(event.descriptor) { if event.drain() { count.add() } }
        try eventually("the handler that came back") { count.value == 1 }
    }

    @Test("a handler can add another handler and remove itself")
    func changesFromHandler() throws {
        let test = try TestLoop()
        let (first, second, count) = (try EventFD(), try EventFD(), SharedCount())
        try test.loop.watch(first.descriptor) { [loop = test.loop] in
            loop.unwatch(first.descriptor)
            try? loop.watch(second.descriptor) { if second.drain() { count.add() } }
        }
        first.signal()
        second.signal()
        try eventually("the second handler") { count.value == 1 }
        try test.settle()
        #expect(first.drain(), "nobody took the first event a second time")
    }

    @Test("a handler can stop the loop")
    func stopsFromHandler() throws {
        let loop = try EventLoop()
        let event = try EventFD()
        try loop.watch(event.descriptor) { loop.stop() }
        event.signal()
        try loop.run()
    }

    @Test("another thread can stop the loop, even before it runs")
    func stops() throws {
        let loop = try EventLoop()
        let running = try EventFD()
        try loop.watch(running.descriptor) { running.drain() }
        let stopper = try HostThread(named: "stopper") { loop.stop() }
        try loop.run()
        stopper.join()
        try loop.run()
    }

    @Test("the handler is called when the other end of a pipe closes")
    func hangsUp() throws {
        let test = try TestLoop()
        let count = SharedCount()
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        try #require(unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0)
        let reader = ends[0]
        defer { close(reader) }
        try test.loop.watch(reader) { [loop = test.loop] in
            loop.unwatch(reader)
            count.add()
        }
        close(ends[1])
        try eventually("the hang-up") { count.value == 1 }
    }

    @Test("a descriptor that epoll refuses is a failure, and its handler is forgotten")
    func refuses() throws {
        let loop = try EventLoop()
        let file = try TemporaryFile()
        let descriptor = try OwnedDescriptor(opening: file.path, for: .reading)
        let failure = #expect(throws: Failure.self) { try loop.watch(descriptor.rawValue) {} }
        #expect(failure?.why == Failure("", errno: .notPermitted).why)
    }

    @Test("a timer fires once, at its time or later; a stopped timer does not fire")
    func timers() throws {
        let test = try TestLoop()
        let (timer, stopped, count) = (try TimerFD(), try TimerFD(), SharedCount())
        try test.loop.watch(timer.descriptor) {
            timer.drain()
            count.add()
        }
        try test.loop.watch(stopped.descriptor) { fatalError("a timer that was stopped fired") }
        stopped.arm(milliseconds: 20)
        stopped.arm(milliseconds: 0)
        let start = MonotonicTime.now()
        timer.arm(milliseconds: 30)
        try eventually("the timer") { count.value == 1 }
        #expect(MonotonicTime.now().nanoseconds - start.nanoseconds >= 30_000_000)
        try test.settle()
        #expect(count.value == 1)
    }
}

extension TestLoop {
    /// What a handler was given, for the test to look at.
    final class Served: @unchecked Sendable {
        private let lock = NSLock()
        private var all: [UInt8] = []
        func note(_ bytes: [UInt8]?) { lock.withLock { all += bytes ?? [] } }
        var bytes: [UInt8] { lock.withLock { all } }
    }
}
