import Host
import Synchronization

/// The machine's end and its pauses: what keeps vCPUs out of the guest.
///
/// Every vCPU reads `mayRun`, and nothing else here, before it enters the guest. The number of running vCPUs
/// changes only when a vCPU's thread starts, stops or goes on.
final class MachineControl: Sendable {
    private struct State {
        var end: MachineEnd?
        /// The number of vCPU threads that run the guest or serve an exit.
        var runningCount = 0
        var isAwaited = false
    }

    private let runs = Atomic<Bool>(true)
    private let state = Mutex(State())
    /// Posted by the last running vCPU's thread when it stops, if `waitUntilStopped` waits.
    private let stopped = Semaphore()
    private let loop: EventLoop

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Whether vCPUs may enter the guest: the machine is neither paused nor has it ended.
    var mayRun: Bool { runs.load(ordering: .acquiring) }

    /// Whether the machine has ended.
    var isEnded: Bool { reason != nil }

    /// The machine's end, or nil while it lives.
    var reason: MachineEnd? { state.withLock { $0.end } }

    /// Ends the machine, from any thread. Only the first reason counts.
    func finish(_ reason: MachineEnd) {
        let isFirst = state.withLock { state in
            guard state.end == nil else { return false }
            state.end = reason
            runs.store(false, ordering: .releasing)
            return true
        }
        if isFirst { loop.stop() }
    }
}

/// The gate of the vCPUs, which `Machine.pause` closes and `Machine.resume` opens.
extension MachineControl {
    /// Keeps vCPUs from entering the guest again.
    func close() { runs.store(false, ordering: .releasing) }

    /// Lets vCPUs enter the guest. Returns false, and does nothing, if the machine has ended.
    func open() -> Bool {
        state.withLock { state in
            guard state.end == nil else { return false }
            runs.store(true, ordering: .releasing)
            return true
        }
    }

    /// Counts a vCPU's thread as running, before it starts or goes on.
    func noteRunning() { state.withLock { $0.runningCount += 1 } }

    /// Counts a vCPU's thread as stopped. Returns whether the machine lives, so that the thread is to wait.
    func noteStopped() -> Bool {
        let (isAwaited, lives) = state.withLock { state in
            state.runningCount -= 1
            let isAwaited = state.isAwaited && state.runningCount == 0
            if isAwaited { state.isAwaited = false }
            return (isAwaited, state.end == nil)
        }
        if isAwaited { stopped.post() }
        return lives
    }

    /// Waits until no vCPU's thread is running. One thread may wait at a time.
    func waitUntilStopped() {
        let waits = state.withLock { state in
            state.isAwaited = state.runningCount > 0
            return state.isAwaited
        }
        if waits { stopped.wait() }
    }
}
