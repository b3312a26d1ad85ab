import Foundation
import Host
import Synchronization
import SystemPackage
import TestSupport
import Testing

@testable import Devices

/// A guest with limited room, until it makes more.
private final class LimitedReceiver: ConsoleReceiver {
    private struct State {
        var room: Int
        var received: [UInt8] = []
        var handler: (@Sendable () -> Void)?
    }

    private let state: Mutex<State>

    init(room: Int) {
        state = Mutex(State(room: room))
    }

    var received: [UInt8] { state.withLock { $0.received } }

    func receive(_ bytes: ArraySlice<UInt8>) -> Int {
        state.withLock { state in
            let accepted = bytes.prefix(state.room)
            state.received += accepted
            state.room -= accepted.count
            return accepted.count
        }
    }

    func whenRoomAppears(_ handler: @escaping @Sendable () -> Void) {
        state.withLock { $0.handler = handler }
    }

    func makeRoom(_ count: Int) {
        let handler = state.withLock { state in
            state.room += count
            return state.handler
        }
        handler?()
    }

    /// Waits until `count` bytes have come in all.
    func waitForBytes(_ count: Int, _ loop: TestLoop) throws -> [UInt8] {
        var turns = 0
        while received.count < count {
            try loop.settle()
            turns += 1
            if turns > 1_000_000 { throw WatchdogExpired("input") }
        }
        return received
    }
}

@Suite struct ConsoleInputTests {
    private func makeInput(
        _ descriptor: Int32, escapes: Bool = false, _ loop: TestLoop, _ receiver: LimitedReceiver,
        onCommand: @escaping @Sendable (ConsoleCommand) -> Void = { _ in }
    ) throws -> ConsoleInput {
        let input = try ConsoleInput(
            descriptor: descriptor, hasEscapes: escapes, loop: loop.loop, receiver: receiver,
            onCommand: onCommand)
        try input.start()
        return input
    }

    @Test func whatIsPipedInArrives() throws {
        let (pipe, loop, receiver) = (try TestPipe(), try TestLoop(), LimitedReceiver(room: .max))
        let input = try makeInput(pipe.readEnd, loop, receiver)
        pipe.send(Array("ls\n\u{1}x".utf8))  // in a pipe, Ctrl-A is the guest's
        #expect(try receiver.waitForBytes(5, loop) == Array("ls\n\u{1}x".utf8))
        input.stop()
    }

    @Test func aPipeWaitsForTheGuest() throws {
        let (pipe, loop, receiver) = (try TestPipe(), try TestLoop(), LimitedReceiver(room: 10))
        let input = try makeInput(pipe.readEnd, loop, receiver)
        let sent = (0..<60_000).map { UInt8(truncatingIfNeeded: $0) }
        pipe.send(sent)
        #expect(try receiver.waitForBytes(10, loop) == Array(sent.prefix(10)))
        try loop.settle()
        #expect(receiver.received.count == 10)
        for room in stride(from: 10, to: 60_000, by: 1000) {
            receiver.makeRoom(1000)
            _ = try receiver.waitForBytes(min(60_000, room + 1000), loop)
        }
        #expect(receiver.received == sent)
        input.stop()
    }

    @Test(arguments: [false, true]) func aPausedGuestGetsNoInput(_ escapes: Bool) throws {
        let (pipe, loop, receiver) = (try TestPipe(), try TestLoop(), LimitedReceiver(room: 10))
        let log = CommandLog()
        let input = try makeInput(pipe.readEnd, escapes: escapes, loop, receiver, onCommand: log.note)
        pipe.send(Array("before".utf8))
        _ = try receiver.waitForBytes(6, loop)
        input.pause()
        pipe.send(Array("after".utf8) + (escapes ? [1, UInt8(ascii: "h")] : []))
        if escapes { #expect(try log.waitForCommands(1, loop) == [.help]) }
        // The guest's room, from before the pause or new, is no reason to pass anything on.
        receiver.makeRoom(1)
        for _ in 0..<3 { try loop.settle() }
        #expect(receiver.received.count == 6)
        input.resume()
        #expect(try receiver.waitForBytes(11, loop) == Array("beforeafter".utf8))
        input.stop()
    }

    @Test func aRegularFileAndItsEndWork() throws {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let (file, loop, receiver) = (try TemporaryFile(bytes), try TestLoop(), LimitedReceiver(room: 100))
        let descriptor = unsafe open(file.path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let input = try makeInput(descriptor, loop, receiver)
        _ = try receiver.waitForBytes(100, loop)
        receiver.makeRoom(100_000)
        #expect(try receiver.waitForBytes(10_000, loop) == bytes)
        try loop.settle()
        input.stop()
    }

    @Test(arguments: ["/dev/null"]) func nothingToReadIsNoTrouble(_ path: String) throws {
        let (loop, receiver) = (try TestLoop(), LimitedReceiver(room: 100))
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        let input = try makeInput(descriptor, loop, receiver)
        try loop.settle()
        #expect(receiver.received.isEmpty)
        input.stop()
    }

    /// The loop watches the descriptor already, so that epoll_ctl(2) fails with EEXIST: as with ENOSPC or
    /// ENOMEM, nobody knows whether a read would block. It must not be tried, for the pipe is empty.
    @Test func aDescriptorThatCannotBeWatchedIsAFailure() throws {
        let (pipe, loop, receiver) = (try TestPipe(), try TestLoop(), LimitedReceiver(room: 100))
        try loop.loop.watch(pipe.readEnd) {}
        let input = try ConsoleInput(
            descriptor: pipe.readEnd, hasEscapes: false, loop: loop.loop, receiver: receiver,
            onCommand: { _ in })
        let failure = #expect(throws: Failure.self) { try input.start() }
        #expect(failure?.errno == .fileExists)
        input.stop()
    }

    @Test func aPipeThatClosesIsTheEndOfInputOnly() throws {
        let (loop, receiver) = (try TestLoop(), LimitedReceiver(room: 100))
        var ends: [Int32] = [0, 0]
        #expect(unsafe pipe(&ends) == 0)
        let input = try makeInput(ends[0], loop, receiver)
        close(ends[1])
        try loop.settle()
        try loop.settle()
        #expect(receiver.received.isEmpty)
        input.stop()
        close(ends[0])
    }

    @Test func theMonitorsKeysWorkEvenWhenTheGuestTakesNothing() throws {
        let (pipe, loop, receiver) = (try TestPipe(), try TestLoop(), LimitedReceiver(room: 0))
        let log = CommandLog()
        let input = try makeInput(pipe.readEnd, escapes: true, loop, receiver, onCommand: log.note)
        pipe.send([UInt8](repeating: 0x61, count: 20_000) + [1, UInt8(ascii: "h"), 1, UInt8(ascii: "x")])
        #expect(try log.waitForCommands(2, loop) == [.help, .end])
        // What was typed is kept up to a bound.
        receiver.makeRoom(20_000)
        _ = try receiver.waitForBytes(ConsoleInput.pendingByteCount, loop)
        try loop.settle()
        #expect(receiver.received.count == ConsoleInput.pendingByteCount)
        input.stop()
    }
}

/// The commands that were received.
private final class CommandLog: Sendable {
    private let log = Mutex<[ConsoleCommand]>([])

    var note: @Sendable (ConsoleCommand) -> Void { { [self] command in log.withLock { $0.append(command) } } }

    func waitForCommands(_ count: Int, _ loop: TestLoop) throws -> [ConsoleCommand] {
        for _ in 0..<1_000_000 where log.withLock({ $0.count }) < count { try loop.settle() }
        return log.withLock { $0 }
    }
}

@Suite struct EscapeFilterTests {
    /// The outcomes of each sequence of keys.
    @Test(
        arguments: zip(
            ["abc", "\u{1}x", "\u{1}h", "\u{1}\u{1}", "\u{1}b", "a\u{1}", "\u{1}\u{1}x", "\u{1}?\u{1}X"],
            [
                [.send([0x61]), .send([0x62]), .send([0x63])],
                [.wait, .command(.end)],
                [.wait, .command(.help)],
                [.wait, .send([1])],
                [.wait, .send([1, 0x62])],
                [.send([0x61]), .wait],
                [.wait, .send([1]), .send([0x78])],
                [.wait, .command(.help), .wait, .command(.end)],
            ] as [[EscapeFilter.Outcome]]))
    func keysAreDistinguished(_ keys: String, _ expected: [EscapeFilter.Outcome]) {
        var filter = EscapeFilter()
        #expect(keys.utf8.map { filter.feed($0) } == expected)
    }
}
