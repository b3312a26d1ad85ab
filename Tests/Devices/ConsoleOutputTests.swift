import Foundation
import Host
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Devices

/// The notices to the user.
final class NoticeLog: Sendable {
    private let log = Mutex<[ConsoleOutput.Notice]>([])

    var handler: @Sendable (ConsoleOutput.Notice) -> Void {
        { [self] notice in log.withLock { $0.append(notice) } }
    }
    var notices: [ConsoleOutput.Notice] { log.withLock { $0 } }
}

extension ConsoleOutput {
    /// Takes as much of `bytes` as there is room for.
    func send(_ bytes: ArraySlice<UInt8>) -> Int {
        unsafe append(bytes.count) { target, offset in
            unsafe target.copyBytes(from: bytes.dropFirst(offset).prefix(target.count))
        }
    }
}

private func pattern(_ count: Int) -> [UInt8] {
    let block = (0..<4099).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
    var bytes: [UInt8] = []
    while bytes.count < count { bytes += block }
    return Array(bytes[..<count])
}

@Suite struct ConsoleOutputTests {
    @Test func whatIsSentArrives() throws {
        let pipe = try TestPipe()
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: { _ in })
        #expect(output.firstByteTime == nil)
        for byte in Array("hello".utf8) { output.writeWaiting(byte) }
        #expect(try pipe.receive(exactly: 5) == Array("hello".utf8))
        output.end(timeoutMilliseconds: WatchdogExpired.milliseconds)
        #expect(output.firstByteTime != nil)
        #expect(output.lostByteCount == 0)
    }

    @Test func manyTimesTheRingArriveInOrder() throws {
        let pipe = try TestPipe()
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: { _ in })
        let sent = pattern(1 << 20)
        let reader = try TestReader(pipe, exactly: 1 << 20)
        var rest = sent[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(output.send(rest))
            if !rest.isEmpty { _ = output.space.wait(milliseconds: WatchdogExpired.milliseconds) }
        }
        let arrived = try reader.bytes()
        #expect(arrived == sent)
        output.end(timeoutMilliseconds: WatchdogExpired.milliseconds)
    }

    @Test func aRegularFileTakesAllOfIt() throws {
        let file = try TemporaryFile()
        let descriptor = unsafe open(file.path, O_WRONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let output = try ConsoleOutput(descriptor: descriptor, notify: { _ in })
        let sent = pattern(ConsoleRing.byteCount)
        #expect(output.send(sent[...]) == sent.count)
        output.end(timeoutMilliseconds: WatchdogExpired.milliseconds)
        #expect(try file.bytes() == sent)
    }

    @Test func outputOfAStoppedReaderIsDroppedAndCounted() throws {
        let pipe = try TestPipe()
        let log = NoticeLog()
        let output = try ConsoleOutput(
            descriptor: pipe.writeEnd, timeoutMilliseconds: 20, notify: log.handler)
        // More than the pipe and the ring hold; nobody reads. This returns.
        let accepted = (0..<(1 << 20)).count { _ in
            output.writeWaiting(0x2E)
            return output.lostByteCount == 0
        }
        #expect(output.lostByteCount == UInt64((1 << 20) - accepted))
        #expect(log.notices.isEmpty)
        // It reads again: all that was accepted, and one notice of what was not.
        #expect(try pipe.receive(exactly: accepted) == [UInt8](repeating: 0x2E, count: accepted))
        output.end(timeoutMilliseconds: WatchdogExpired.milliseconds)
        #expect(log.notices == [.lost(byteCount: output.lostByteCount)])
    }

    @Test func aReaderThatReadsOneByteAtATimeIsNotGivenUp() throws {
        let pipe = try TestPipe()
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: { _ in })
        // All that the ring and the pipe hold (F_GETPIPE_SZ, 1032).
        var left = ConsoleRing.byteCount + Int(fcntl(pipe.writeEnd, 1032))
        while left > 0 { left -= output.send([UInt8](repeating: 0, count: min(left, 4096))[...]) }
        #expect(!output.hasStalled())
        // Its progress is less than a page, which is what a full pipe makes room for at once.
        for _ in 0..<10 {
            _ = try pipe.receive(1)
            #expect(!output.hasStalled())
        }
        while !output.hasStalled() {}
        output.end(timeoutMilliseconds: 50)
    }

    /// It takes a byte within every timeout, and would hold up the end for as long as the ring has bytes.
    @Test func aReaderThatTakesAByteNowAndThenDoesNotHoldUpTheEnd() throws {
        let pipe = try TestPipe()
        let log = NoticeLog()
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: log.handler)
        var left = ConsoleRing.byteCount + Int(fcntl(pipe.writeEnd, 1032))
        while left > 0 { left -= output.send([UInt8](repeating: 0, count: min(left, 4096))[...]) }
        let isOver = Atomic<Bool>(false)
        let reader = try HostThread(named: "test-reader") {
            while !isOver.load(ordering: .relaxed) {
                _ = try? pipe.receive(1)
                usleep(5_000)
            }
        }
        output.end(timeoutMilliseconds: 50)
        isOver.store(true, ordering: .relaxed)
        reader.join()
        #expect(output.lostByteCount > 0)
    }

    /// A vCPU's thread must come to its end, whatever the reader does.
    @Test func aWriterThatWaitsForASlowReaderIsReleasedAtTheEnd() throws {
        let pipe = try TestPipe()
        let output = try ConsoleOutput(
            descriptor: pipe.writeEnd, timeoutMilliseconds: WatchdogExpired.milliseconds, notify: { _ in })
        var left = ConsoleRing.byteCount + Int(fcntl(pipe.writeEnd, 1032))
        while left > 0 { left -= output.send([UInt8](repeating: 0, count: min(left, 4096))[...]) }
        let writer = try HostThread(named: "test-writer") { for _ in 0..<10 { output.writeWaiting(1) } }
        output.stopWaiting()
        writer.join()
        #expect(output.lostByteCount == 10)
        output.end(timeoutMilliseconds: 50)
    }

    @Test func aReaderThatIsGoneIsReportedOnce() throws {
        let log = NoticeLog()
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        close(ends[0])
        let output = try ConsoleOutput(descriptor: ends[1], notify: log.handler)
        for _ in 0..<100 { output.writeWaiting(1) }
        output.end(timeoutMilliseconds: WatchdogExpired.milliseconds)
        close(ends[1])
        #expect(output.lostByteCount == 100)
        #expect(log.notices.count { $0 == .closed(.brokenPipe) } == 1)
    }

    @Test func theEndDoesNotWaitForAReaderThatHasStopped() throws {
        let pipe = try TestPipe()
        let log = NoticeLog()
        let output = try ConsoleOutput(descriptor: pipe.writeEnd, notify: log.handler)
        let sent = pattern(ConsoleRing.byteCount)
        #expect(output.send(sent[...]) == sent.count)
        // The pipe is full (F_GETPIPE_SZ, 1032).
        while output.pendingByteCount > sent.count - Int(fcntl(pipe.writeEnd, 1032)) { sched_yield() }
        output.end(timeoutMilliseconds: 50)
        let arrived = try pipe.receive()
        #expect(arrived == Array(sent.prefix(arrived.count)))
        #expect(log.notices == [.lost(byteCount: UInt64(sent.count - arrived.count))])
    }
}
