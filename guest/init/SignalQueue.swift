import CLinux

/// The signals that init acts on, read one after another instead of interrupting it: signalfd(2).
struct SignalQueue: ~Copyable {
    let descriptor: Descriptor

    /// `SIGCHLD`, and what `poweroff`, `reboot` and `halt` send to process 1.
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

    /// Takes the next one; nil when there is none.
    func next() -> Int32? {
        var signal = signalfd_siginfo()
        return readRecord(from: descriptor.number, into: &signal) ? Int32(signal.ssi_signo) : nil
    }

    /// Whoever blocks all signals is never interrupted, and is told of a pipe without a reader by EPIPE.
    static func blockAll() {
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe sigprocmask(SIG_SETMASK, &all, nil)
    }

    /// A blocked signal stays blocked across exec: a new process begins with none.
    static func unblockAll() {
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe sigprocmask(SIG_SETMASK, &none, nil)
    }
}
