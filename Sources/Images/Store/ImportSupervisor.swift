import CHost
import Host
import Synchronization
import SystemPackage

/// Does an import on a thread of its own, while the calling thread tells how far it is and listens for signals: Ctrl-C lets
/// the import clean up after itself, and a second one does not wait for that.
struct ImportSupervisor {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    private static let intervalMilliseconds: Int32 = 100
    /// The time that the import has to kill its helper after a second signal.
    private static let lastMilliseconds: Int32 = 2000

    let session: ImportSession
    let style: ProgressStyle

    func run<Value: Sendable>(
        _ work: @escaping @Sendable () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let mask = SignalMask.current
        let signals = try SignalDescriptor(Self.signals)
        let outcome = Outcome<Value>()
        let finished = try EventFD()
        let thread = try HostThread(named: "import") {
            outcome.set(work)
            finished.signal()
        }
        supervise(signals, finished)
        thread.join()
        SignalMask.set(mask)
        if let signal = session.endingSignal { ThisProcess.end(by: signal) }
        return try outcome.get()
    }

    private func supervise(_ signals: SignalDescriptor, _ finished: EventFD) {
        var printer = ProgressPrinter(style: style)
        var wanted = [signals.descriptor, finished.descriptor].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        while true {
            printer.show(session)
            unsafe poll(&wanted, 2, Self.intervalMilliseconds)
            if wanted[1].revents != 0 { break }
            while let signal = signals.next() {
                if session.endingSignal != nil {
                    printer.clear()
                    session.endAtOnce()
                    _ = finished.wait(milliseconds: Self.lastMilliseconds)
                    ThisProcess.end(by: signal)
                }
                session.end(after: signal)
            }
        }
        printer.finish(session)
    }
}

/// What a thread leaves for the one that waits for it.
private final class Outcome<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, Failure>?>(nil)

    func set(_ work: () throws(Failure) -> Value) {
        let found: Result<Value, Failure>
        do throws(Failure) {
            found = .success(try work())
        } catch {
            found = .failure(error)
        }
        result.withLock { $0 = found }
    }

    func get() throws(Failure) -> Value {
        guard let found = result.withLock({ $0 }) else {
            preconditionFailure("the thread has ended without a result")
        }
        return try found.get()
    }
}
