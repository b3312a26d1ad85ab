import Host
import Synchronization
import Virtio

/// A request that has to wait for the host's disk, with a copy of its chain.
struct BlockJob: Sendable {
    let request: BlockRequest
    let chain: DescriptorChain
}

/// The threads that wait for the host's disk, started on demand: a thread starts when a job finds none idle.
final class BlockWorkers: Sendable {
    static let maximumCount = 8

    private struct State {
        var jobs: [BlockJob] = []
        var threads: [OwnedThread] = []
        var busyCount = 0
    }

    private let state = Mutex(State())
    private let available = Semaphore()
    private let serve: @Sendable (BlockJob, inout IOVectors) -> Void

    /// Makes the workers. `serve` serves a job, on a worker's thread.
    init(_ serve: @escaping @Sendable (BlockJob, inout IOVectors) -> Void) {
        self.serve = serve
    }

    /// Has a thread serve `job`. Returns false if there is no thread and none can be started.
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

    /// Serves all jobs that were submitted, and ends the threads.
    func finish() {
        end { _ in }
    }

    /// Waits for the jobs in progress, drops the others, and ends the threads.
    func stop() {
        end { $0.jobs = [] }
    }

    private func end(_ change: (inout State) -> Void) {
        let threads = state.withLock { state in
            change(&state)
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
            serve(job, &vectors)
            state.withLock { $0.busyCount -= 1 }
        }
    }

    /// Waits for a job; returns nil at the end.
    private func nextJob() -> BlockJob? {
        available.wait()
        return state.withLock { state in
            // There is a post for each job, and at the end one for each thread.
            guard !state.jobs.isEmpty else { return nil }
            state.busyCount += 1
            return state.jobs.removeFirst()
        }
    }
}
