import CHost
import Host
import Synchronization
import SystemPackage

/// The thread that drains the ring into the descriptor.
extension ConsoleOutput {
    /// The time after a write in which further output is gathered for the next write, in milliseconds: a
    /// guest prints its log in many small pieces.
    private static let lingerMilliseconds: Int32 = 2
    /// The number of bytes that a pipe takes without blocking after it has polled as writable (PIPE_BUF).
    private static let pieceByteCount = 4096
    private static let filePieceByteCount = 64 << 10

    func start() {
        let isRunning = state.withLock { state in
            guard state.drainer == .notStarted else { return true }
            state.drainer = .busy
            state.thread = try? HostThread(named: "console-output") { [self] in drain() }
            return state.thread != nil
        }
        // If the host cannot start a thread, the guest goes on without a console.
        if !isRunning { close(.resourceTemporarilyUnavailable) }
    }

    private func drain() {
        while let piece = nextPiece() {
            if isRegularFile || waitUntilWritable() { write(piece) }
            linger()
        }
        ended.signal()
    }

    /// Waits for the next bytes to write; returns nil when draining must end.
    private func nextPiece() -> ConsoleRingPiece? {
        let limit = isRegularFile ? Self.filePieceByteCount : Self.pieceByteCount
        while true {
            let (piece, ends) = state.withLock { state in
                let piece = state.ring.first(limit)
                state.drainer = piece.count == 0 ? .asleep : .busy
                if piece.count == 0, state.isFlushing { flushed.signal() }
                return (piece, state.isEnding)
            }
            if ends { return nil }
            if piece.count > 0 { return piece }
            _ = work.wait(milliseconds: -1)
        }
    }

    private func write(_ piece: ConsoleRingPiece) {
        let result = unsafe CHost.write(descriptor, piece.start, piece.count)
        if result > 0 {
            unsafe Terminal.note(output: UnsafeRawBufferPointer(start: piece.start, count: result))
            noteFirstByte()
            remove(result)
        } else if result < 0, Errno.current != .interrupted, Errno.current != .wouldBlock {
            close(.current)
        }
    }

    /// Waits until the descriptor is writable or has an error. Returns false if `work` was signalled first,
    /// so that a reader that has stopped cannot hide the end.
    private func waitUntilWritable() -> Bool {
        let output = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let end = pollfd(fd: work.descriptor, events: Int16(POLLIN), revents: 0)
        var polled: InlineArray<2, pollfd> = [output, end]
        var span = polled.mutableSpan
        unsafe span.withUnsafeMutableBufferPointer { _ = unsafe poll($0.baseAddress, 2, -1) }
        if polled[1].revents != 0 { work.drain() }
        return polled[0].revents != 0
    }

    private func linger() {
        let lingers = state.withLock { state in
            guard state.ring.count == 0, !state.isFlushing, !state.isEnding else { return false }
            state.drainer = .lingering
            return true
        }
        if lingers { _ = work.wait(milliseconds: Self.lingerMilliseconds) }
    }

    private func remove(_ byteCount: Int) {
        let (hasSpace, lost) = state.withLock { state in
            state.ring.removeFirst(byteCount)
            state.drainedByteCount &+= UInt64(byteCount)
            defer { state.wantsSpace = false }
            return (state.wantsSpace, state.recover())
        }
        if hasSpace { space.signal() }
        if lost > 0 { notify(.lost(byteCount: lost)) }
    }

    private func close(_ cause: Errno) {
        state.withLock { state in
            state.isClosed = true
            state.closedCause = cause
            state.lose(UInt64(state.ring.count))
            state.ring.removeFirst(state.ring.count)
        }
        space.signal()
        notify(.closed(cause))
    }
}

/// Flushing the output and ending the thread.
extension ConsoleOutput {
    /// Waits until all output has been written. Gives up when the reader makes no progress within the
    /// timeout, and after five timeouts in all, because a reader that takes a byte now and then must not
    /// delay the end. Returns false if output is left.
    @discardableResult
    public func flush(timeoutMilliseconds: Int32) -> Bool {
        let start = MonotonicTime.now()
        flushed.drain()
        state.withLock { $0.isFlushing = true }
        defer { state.withLock { $0.isFlushing = false } }
        work.signal()
        var last = progress()
        while state.withLock({ $0.ring.count > 0 }) {
            if flushed.wait(milliseconds: timeoutMilliseconds) { continue }
            let passed = MonotonicTime.now().nanoseconds &- start.nanoseconds
            if passed >= 5_000_000 &* UInt64(timeoutMilliseconds) { return false }
            let now = progress()
            if now == last { return false }
            last = now
        }
        return true
    }

    private func progress() -> Progress {
        let unread = unreadByteCount(descriptor)
        return state.withLock {
            Progress(drainedByteCount: $0.drainedByteCount, unreadByteCount: unread)
        }
    }

    /// Flushes the output and ends the draining thread. A thread that a terminal blocks in write(2) ends with
    /// the process.
    public func end(timeoutMilliseconds: Int32) {
        flush(timeoutMilliseconds: timeoutMilliseconds)
        let (lost, isRunning) = state.withLock { state in
            state.isEnding = true
            state.lose(UInt64(state.ring.count))
            return (state.takeLost(), state.thread != nil)
        }
        work.signal()
        if lost > 0 { notify(.lost(byteCount: lost)) }
        if isRunning, ended.wait(milliseconds: timeoutMilliseconds) {
            state.withLock { $0.thread.take() }?.join()
        }
    }
}

extension ConsoleOutput.State {
    /// Ends a stall when the reader has emptied half of the ring; returns the number of bytes dropped
    /// meanwhile.
    mutating func recover() -> UInt64 {
        guard isStalled, ring.count <= ConsoleRing.byteCount / 2 else { return 0 }
        isStalled = false
        lastProgress = nil
        return takeLost()
    }

    mutating func takeLost() -> UInt64 {
        defer { lostSinceStall = 0 }
        return lostSinceStall
    }
}
