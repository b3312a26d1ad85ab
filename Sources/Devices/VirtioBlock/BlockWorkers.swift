import Host
import Synchronization
import Virtio

/// A request that has to wait for the host's disk, with a copy of its chain.
struct BlockJob: Sendable {
    let request: BlockRequest
    let chain: DescriptorChain
    /// The number of bytes that were transferred before the request had to wait.
    let doneByteCount: UInt64
}

/// The threads that wait for the host's disk, started on demand: a thread starts when a job finds none idle.
final class BlockWorkers: Sendable {
    static let maximumCount = 8

    private struct State {
        var jobs: [BlockJob] = []
        var threads: [OwnedThread] = []
        var busyCount = 0
        var isStopping = false
        /// Whether the threads end when no job is left.
        var isFinishing = false
    }

    private let state = Mutex(State())
    private let available = Semaphore()
    private let perform: @Sendable (BlockJob, inout IOVectors) -> Void

    init(_ perform: @escaping @Sendable (BlockJob, inout IOVectors) -> Void) {
        self.perform = perform
    }

    /// Has a thread carry out `job`. Returns false if there is no thread and none can be started.
    func submit(_ job: BlockJob) -> Bool {
        let isAccepted = state.withLock { state in
            if state.threads.count - state.busyCount <= state.jobs.count { startThread(&state) }
            guard !state.threads.isEmpty else { return false }
            state.jobs.append(job)
            return true
        }
        if isAccepted { available.post() }
        return isAccepted
    }

    /// Waits for the jobs in progress; drops the others.
    func stop() {
        let threads = state.withLock { state in
            state.isStopping = true
            state.jobs = []
            return state.threads
        }
        for _ in threads { available.post() }
        for thread in threads { thread.join() }
    }

    /// Waits for all jobs. Afterwards there are no threads, and no job may be submitted.
    func finish() {
        let threads = state.withLock { state in
            state.isFinishing = true
            return state.threads
        }
        for _ in threads { available.post() }
        for thread in threads { thread.join() }
    }

    private func startThread(_ state: inout State) {
        guard state.threads.count < Self.maximumCount,
            let thread = try? OwnedThread(named: "disk-worker", { [self] in work() })
        else { return }
        state.threads.append(thread)
    }

    private func work() {
        var vectors = IOVectors()
        while let job = nextJob() {
            perform(job, &vectors)
            state.withLock { $0.busyCount -= 1 }
        }
    }

    /// Waits for a job; returns nil at the end.
    private func nextJob() -> BlockJob? {
        // Before the end a post stands for each job; a thread that takes another's at the end finds its own.
        if !state.withLock({ $0.isFinishing && !$0.jobs.isEmpty }) { available.wait() }
        return state.withLock { state in
            guard !state.isStopping, !state.jobs.isEmpty else { return nil }
            state.busyCount += 1
            return state.jobs.removeFirst()
        }
    }
}
