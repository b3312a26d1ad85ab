public import CHost
import Host

/// An instance of a batch.
struct Member {
    let launch: PreparedLaunch
    var process: pid_t = 0
    /// The pidfd of the process while it runs; -1 otherwise.
    var end: Int32 = -1
    var begin = MonotonicTime(nanoseconds: 0)
    var spawn = MonotonicTime(nanoseconds: 0)
    var firstByte: MonotonicTime?
    var ended = MonotonicTime(nanoseconds: 0)
    var output = Tail()
    var error = Tail()
    /// The reason why the process was killed; nil if it was not.
    var forced: Outcome.Ending?
    private var status: Int32 = 0
    private var usage = rusage()

    init(_ launch: PreparedLaunch) {
        self.launch = launch
    }

    var isRunning: Bool { end >= 0 }
    var name: String { launch.name }

    /// Collects the ended process (wait4(2)).
    mutating func reap(at now: MonotonicTime) {
        ended = now
        while unsafe wait4(process, &status, 0, &usage) < 0, chost_errno() == EINTR {}
        close(end)
        end = -1
    }

    var outcome: Outcome {
        Outcome(
            begin: begin, spawn: spawn, firstByte: firstByte, end: ended, ending: forced ?? ending,
            treeCPU: usage.cpuNanoseconds, peakKibibytes: usage.ru_maxrss, output: output.text,
            error: error.text)
    }

    /// Decodes the status of wait(2): the low seven bits are the signal; if they are 0, the next byte is the
    /// exit status.
    private var ending: Outcome.Ending {
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }
}

extension rusage {
    /// The sum of user and system time.
    public var cpuNanoseconds: UInt64 { ru_utime.nanoseconds &+ ru_stime.nanoseconds }
}

extension timeval {
    fileprivate var nanoseconds: UInt64 {
        UInt64(tv_sec) &* 1_000_000_000 &+ UInt64(tv_usec) &* 1000
    }
}

/// The last bytes of a stream, in a buffer that is allocated in advance.
struct Tail {
    static let byteCount = 16384
    private var bytes = [UInt8](repeating: 0, count: byteCount)
    private var count = 0

    /// Reads once from `descriptor`. Returns the result of read(2).
    mutating func append(from descriptor: Int32) -> Int {
        makeRoom()
        let count = count
        let taken = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe read(descriptor, buffer.baseAddress! + count, buffer.count - count)
        }
        self.count += max(taken, 0)
        return taken
    }

    /// Drops the older half of a full buffer.
    private mutating func makeRoom() {
        guard count == Self.byteCount else { return }
        let half = Self.byteCount / 2
        for index in 0..<half { bytes[index] = bytes[half + index] }
        count = half
    }

    var text: String { String(decoding: bytes[..<count], as: UTF8.self) }
}
