import Host
import Logging
import Synchronization

/// Logs what a guest reports through registers: boot markers and crash kernels.
///
/// A vCPU's exit only notes the report, because it must not wait for a reader of the log. The event loop's
/// thread logs it. Reports beyond the limits are only counted.
final class GuestNotes: Sendable {
    /// The number of markers that can wait for the event loop: one for each of 64 vCPUs, and some more.
    static let capacity = 128
    /// The number of lines that are logged for one guest.
    static let lineLimit = 100

    fileprivate struct State: ~Copyable, Sendable {
        /// The markers. The first `count` of them wait to be logged.
        var markers = InlineArray<128, UInt8>(repeating: 0)
        var count = 0
        var crashCount: UInt64 = 0
        var isCrashLogged = false
        var lineCount = 0
        /// The number of markers that were not logged.
        var hiddenCount: UInt64 = 0
    }

    private let state = Mutex(State())
    private let wakeUp: EventFD
    private let loop: EventLoop
    private let logger: Logger
    private let wantsMarkers: Bool

    init(loop: EventLoop, logger: Logger) throws(Failure) {
        self.loop = loop
        self.logger = logger
        wantsMarkers = logger.logLevel <= .info
        wakeUp = try EventFD()
        try loop.watch(wakeUp.descriptor) { [weak self] in self?.serve() }
    }

    /// Notes that the guest wrote `marker` to the port of boot markers.
    func note(marker: UInt8) {
        guard wantsMarkers else { return }
        let isFirst = state.withLock { state in
            guard state.count < Self.capacity else {
                state.hiddenCount &+= 1
                return false
            }
            state.markers[state.count] = marker
            state.count += 1
            return state.count == 1
        }
        if isFirst { wakeUp.signal() }
    }

    /// Notes that the guest's kernel panicked and has a crash kernel.
    func noteCrash() {
        let isFirst = state.withLock { state in
            state.crashCount &+= 1
            return state.crashCount == 1
        }
        if isFirst { wakeUp.signal() }
    }

    private func serve() {
        wakeUp.drain()
        let (markers, isCrash) = state.withLock { $0.take() }
        if isCrash { logger.notice("the guest's kernel panicked and its crash kernel takes over") }
        for marker in markers { logger.info("the guest wrote boot marker \(marker)") }
    }

    /// Logs the rest and the totals at the guest's end.
    func end() {
        loop.unwatch(wakeUp.descriptor)
        serve()
        let (hidden, crashes) = state.withLock { ($0.hiddenCount, $0.crashCount) }
        if hidden > 0 { logger.info("the guest wrote \(hidden) more boot markers, which were not shown") }
        if crashes > 1 {
            logger.notice("the guest's kernel reported \(crashes) times that its crash kernel takes over")
        }
    }
}

extension GuestNotes.State {
    /// Removes the waiting markers; returns the ones to log, and whether to log the first crash.
    fileprivate mutating func take() -> (markers: [UInt8], isCrash: Bool) {
        var taken: [UInt8] = []
        for index in 0..<count {
            if lineCount < GuestNotes.lineLimit {
                taken.append(markers[index])
                lineCount += 1
            } else {
                hiddenCount &+= 1
            }
        }
        count = 0
        defer { isCrashLogged = isCrashLogged || crashCount > 0 }
        return (taken, crashCount > 0 && !isCrashLogged)
    }
}
