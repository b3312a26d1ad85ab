import CHost
public import Host

/// The user's Ctrl-C. The first asks for a partial report; the second ends the process.
public final class Interruption {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    private let descriptor: SignalDescriptor
    /// The signal that arrived; nil if none did.
    public private(set) var signal: Int32?

    public init() throws(Failure) {
        descriptor = try SignalDescriptor(Self.signals)
    }

    var rawValue: Int32 { descriptor.descriptor }

    public var happened: Bool {
        if signal == nil, let next = descriptor.next() { note(next) }
        return signal != nil
    }

    private func note(_ number: Int32) {
        signal = number
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for signal in Self.signals { unsafe sigaddset(&set, signal) }
        unsafe pthread_sigmask(SIG_UNBLOCK, &set, nil)
    }
}
