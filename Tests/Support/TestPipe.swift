import Foundation

/// A pipe whose ends are closed when its owner releases it.
public final class TestPipe: Sendable {
    public let readEnd: Int32
    public let writeEnd: Int32

    public init() throws {
        var ends: [Int32] = [0, 0]
        let isMade = ChildProcess.inheritance.withLock {
            guard unsafe pipe(&ends) == 0 else { return false }
            return ends.allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
        }
        guard isMade else { throw CocoaError(.fileReadUnknown) }
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    /// Writes all of `bytes`.
    public func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(writeEnd, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Waits for bytes, and reads at most `limit` of them.
    public func receive(_ limit: Int = 65536) throws -> [UInt8] {
        var waiting = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        var ready: Int32 = -1
        repeat { ready = unsafe poll(&waiting, 1, WatchdogExpired.milliseconds) } while ready < 0
        guard ready > 0 else { throw WatchdogExpired("a pipe") }
        var bytes = [UInt8](repeating: 0, count: min(limit, 64 << 10))
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(readEnd, $0.baseAddress, $0.count) }
        return Array(bytes.prefix(max(0, count)))
    }

    /// Reads exactly `count` bytes; fewer at the end of the stream.
    public func receive(exactly count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try receive(count - bytes.count)
            guard !more.isEmpty else { return bytes }
            bytes += more
        }
        return bytes
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }
}
