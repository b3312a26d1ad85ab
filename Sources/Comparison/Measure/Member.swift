import CHost
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
            treeCPU: Self.nanoseconds(of: usage), output: output.text, error: error.text)
    }

    /// Returns the sum of user and system time.
    static func nanoseconds(of usage: rusage) -> UInt64 {
        usage.ru_utime.nanoseconds &+ usage.ru_stime.nanoseconds
    }

    /// Decodes the status of wait(2): the low seven bits are the signal; if they are 0, the next byte is the
    /// exit status.
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
