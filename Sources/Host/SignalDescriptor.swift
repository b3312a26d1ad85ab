import CHost
import SystemPackage

/// A signalfd(2): signals to be read from a descriptor. They are blocked in this thread and in the threads
/// that it starts.
public final class SignalDescriptor: Sendable {
    private let owner: OwnedDescriptor

    public init(_ signals: [Int32]) throws(Failure) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in signals { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        let number = unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard number >= 0 else { throw Failure("cannot watch signals", errno: .current) }
        owner = OwnedDescriptor(owning: number)
    }

    public var descriptor: Int32 { owner.rawValue }

    /// Returns the next signal that has arrived, or nil.
    public func next() -> Int32? {
        var info = signalfd_siginfo()
        let count = unsafe CHost.read(owner.rawValue, &info, MemoryLayout<signalfd_siginfo>.size)
        return count == MemoryLayout<signalfd_siginfo>.size ? Int32(info.ssi_signo) : nil
    }
}

/// The actions of signals.
public enum Signals {
    /// Ignores SIGPIPE: a write to a pipe without a reader fails with EPIPE and does not end the process.
    public static func ignoreBrokenPipes() {
        chost_ignore(SIGPIPE)
    }

    /// Makes `signal` interrupt system calls and do nothing else.
    public static func makeInterrupting(_ signal: Int32) {
        chost_install_kick(signal)
    }
}
