import CLinux

/// The signals that init acts on, read in order from a descriptor instead of interrupting it: signalfd(2).
struct SignalQueue: ~Copyable {
    let descriptor: Descriptor

    /// Blocks `SIGCHLD` and the signals of `Power`, and opens the descriptor that receives them.
    init() throws(SystemError) {
        var awaited = sigset_t()
        unsafe sigemptyset(&awaited)
        for signal in [SIGCHLD, SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGPWR] {
            unsafe sigaddset(&awaited, signal)
        }
        unsafe sigprocmask(SIG_BLOCK, &awaited, nil)
        descriptor = Descriptor(
            adopting: try check(unsafe signalfd(-1, &awaited, Int32(SFD_CLOEXEC | SFD_NONBLOCK))))
    }

    /// Returns the next signal, or nil if none is waiting.
    func next() -> Int32? {
        var signal = signalfd_siginfo()
        return readRecord(from: descriptor.number, into: &signal) ? Int32(signal.ssi_signo) : nil
    }

    /// Blocks all signals in the calling process, so that none interrupts it and a pipe without a reader
    /// fails with EPIPE.
    static func blockAll() {
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe sigprocmask(SIG_SETMASK, &all, nil)
    }

    /// Unblocks all signals. Otherwise a signal that is blocked stays blocked across exec.
    static func unblockAll() {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigprocmask(SIG_SETMASK, &none, nil)
    }
}
