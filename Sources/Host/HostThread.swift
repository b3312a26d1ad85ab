import CHost
import SystemPackage

/// A POSIX thread. Its owner must join it; to drop a thread unjoined is a bug.
public struct HostThread: ~Copyable, Sendable {
    /// The size of a thread's stack: more than any of the monitor's threads uses, and less than a huge page.
    /// The library's 8 MiB cost nothing until they are used, but if a stack covers an aligned 2 MiB block,
    /// the kernel may back the block with a huge page at the first touch.
    private static let stackByteCount = 512 << 10

    private let handle: pthread_t

    /// Starts `body` on a thread called `name`, of which the kernel shows at most 15 bytes.
    ///
    /// The thread blocks all signals except those of faults, so that they reach the main thread's signalfd.
    /// `allowing` names one more signal that may interrupt the thread.
    public init(
        named name: String, allowing signal: Int32? = nil, _ body: @escaping @Sendable () -> Void
    ) throws(Failure) {
        // The pointer leaves this function safely: the new thread releases the box, and if no thread starts,
        // the box is released below.
        let box = unsafe Unmanaged.passRetained(ThreadBody(name: name, signal: signal, run: body))
        var handle = pthread_t()
        var attributes = pthread_attr_t()
        unsafe pthread_attr_init(&attributes)
        unsafe pthread_attr_setstacksize(&attributes, Self.stackByteCount)
        let result = unsafe pthread_create(&handle, &attributes, hostThreadMain, box.toOpaque())
        unsafe pthread_attr_destroy(&attributes)
        guard result == 0 else {
            unsafe box.release()
            throw Failure(
                "cannot start the thread \(name)", errno: Errno(rawValue: result),
                cure: "Check the limits on processes and threads: ulimit -u, pids.max of the cgroup.")
        }
        self.handle = handle
    }

    /// Waits for the thread's end.
    public consuming func join() {
        pthread_join(handle, nil)
    }

    /// Sends the thread a signal, which interrupts a blocking call.
    public borrowing func interrupt(with signal: Int32) {
        pthread_kill(handle, signal)
    }
}

private final class ThreadBody {
    let name: String
    let signal: Int32?
    let run: @Sendable () -> Void

    init(name: String, signal: Int32?, run: @escaping @Sendable () -> Void) {
        self.name = name
        self.signal = signal
        self.run = run
    }
}

private func hostThreadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    // A stack overflow ends the process by SIGSEGV, whose handler restores the terminal and needs a stack of
    // its own.
    unsafe chost_call_with_signal_stack(hostThreadBody, argument)
    return nil
}

private func hostThreadBody(_ argument: UnsafeMutableRawPointer?) {
    guard let argument = unsafe argument else { return }
    let body = unsafe Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue()
    unsafe chost_set_thread_name(String(body.name.prefix(15)))
    SignalMask.blockAll(allowing: body.signal)
    body.run()
}

/// The calling thread's signal mask.
public enum SignalMask {
    /// Blocks every signal except `allowing` and those of faults in the monitor's own code.
    public static func blockAll(allowing signal: Int32? = nil) {
        var set = sigset_t()
        unsafe sigfillset(&set)
        for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT] {
            unsafe sigdelset(&set, fault)
        }
        if let signal { unsafe sigdelset(&set, signal) }
        unsafe pthread_sigmask(SIG_SETMASK, &set, nil)
    }

    /// A saved signal mask.
    public struct Saved: Sendable {
        fileprivate var set = sigset_t()
    }

    /// The present signal mask, to be restored by `set`.
    public static var current: Saved {
        var saved = Saved()
        unsafe pthread_sigmask(SIG_SETMASK, nil, &saved.set)
        return saved
    }

    public static func set(_ saved: Saved) {
        var set = saved.set
        unsafe pthread_sigmask(SIG_SETMASK, &set, nil)
    }
}
