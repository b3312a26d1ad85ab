import CHost
import Host
import Synchronization
import SystemPackage

/// A supervisor that runs an import on its own thread while the calling thread shows the progress and waits
/// for signals. Ctrl-C lets the import clean up; after a second Ctrl-C the process ends within
/// `lastMilliseconds`.
struct ImportSupervisor {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]
    private static let intervalMilliseconds: Int32 = 100
    /// The time after a second signal in which the import can kill skopeo.
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

/// The result of a thread, for the thread that joins it.
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
