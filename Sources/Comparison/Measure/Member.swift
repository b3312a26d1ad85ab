import CHost
import Host

/// One instance of a batch.
struct Member {
    let launch: PreparedLaunch
    var process: pid_t = 0
    /// A pidfd while it runs.
    var end: Int32 = -1
    var begin = MonotonicTime(nanoseconds: 0)
    var spawn = MonotonicTime(nanoseconds: 0)
    var firstByte: MonotonicTime?
    var ended = MonotonicTime(nanoseconds: 0)
    var output = Tail()
    var error = Tail()
    /// Why it was killed, if it was.
    var forced: Outcome.Ending?
    private var status: Int32 = 0
    private var usage = rusage()

    init(_ launch: PreparedLaunch) {
        self.launch = launch
    }

    var isRunning: Bool { end >= 0 }
    var name: String { launch.name }

    /// Takes the ended process out of the kernel's table.
    mutating func reap(at now: MonotonicTime) {
        ended = now
        while unsafe wait4(process, &status, 0, &usage) < 0, chost_errno() == EINTR {}
        close(end)
        end = -1
    }

    var outcome: Outcome {
        Outcome(
            begin: begin, spawn: spawn, firstByte: firstByte, end: ended, ending: forced ?? ending,
            treeCPU: Self.nanoseconds(of: usage), output: output.text, error: error.text)
    }

    /// User and system time together.
    static func nanoseconds(of usage: rusage) -> UInt64 {
        usage.ru_utime.nanoseconds &+ usage.ru_stime.nanoseconds
    }

    /// wait(2)'s word: the low seven bits are the signal, or 0 and the next byte is the status.
    private var ending: Outcome.Ending {
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }
}

extension timeval {
    fileprivate var nanoseconds: UInt64 {
        UInt64(tv_sec) &* 1_000_000_000 &+ UInt64(tv_usec) &* 1000
    }
}
