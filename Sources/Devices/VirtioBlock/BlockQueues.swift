import GuestMemory
import Host
import Synchronization
import Virtio

/// The part of a disk that lives between DRIVER_OK and reset: its queue, its thread, and the workers that
/// wait for the host.
///
/// Each request takes five steps: pop its chain, parse it, submit it to the disk, complete it, interrupt the
/// driver. The disk's thread pops and parses every request. It completes what the host can answer at once,
/// and a worker completes the request for which it has waited.
///
/// The queue is under a lock that no thread holds during I/O.
final class BlockQueues: Sendable {
    /// The largest number of requests that are completed before the driver is interrupted.
    private static let batchCount = 32

    private enum Phase: UInt8, AtomicRepresentable {
        case running
        /// Requests whose chains were popped are completed, and no more are popped.
        case pausing
        /// Requests whose chains were popped are dropped at their next step.
        case stopping
    }

    private struct Served: ~Copyable, Sendable {
        var queue: Virtqueue
        var counters: VirtioCounters
    }

    let disk: DiskFile
    let identifier: [UInt8]
    let features: VirtioFeatures
    let memory: GuestMemory
    /// Whether a write must be on the disk before it is completed.
    let writesThrough: Atomic<Bool>
    private let doorbell: EventFD
    private let interrupt: VirtioInterrupt
    private let served: Mutex<Served>
    private let phase = Atomic<Phase>(.running)
    private let thread = Mutex<OwnedThread?>(nil)
    private let workers = Mutex<BlockWorkers?>(nil)

    /// Makes the part with a new queue, or with one that continues at `state`. `start` starts it.
    init(
        _ activation: VirtioActivation, _ state: VirtqueueState, disk: DiskFile, identifier: [UInt8],
        counters: VirtioCounters, writesThrough: Bool
    ) throws(VirtqueueError) {
        let queue = try activation.virtqueue(VirtioBlock.requestQueue, state)
        served = Mutex(Served(queue: queue, counters: counters))
        self.disk = disk
        self.identifier = identifier
        self.writesThrough = Atomic(writesThrough)
        features = activation.features
        memory = activation.memory
        doorbell = activation.doorbells[VirtioBlock.requestQueue]
        interrupt = activation.interrupt
    }

    var counters: VirtioCounters { served.withLock { $0.counters } }
    /// Whether to go on. Checked between the steps of long work.
    var continues: Bool { phase.load(ordering: .acquiring) != .stopping }
    private var isRunning: Bool { phase.load(ordering: .acquiring) == .running }
    /// The state of the queue, or nil if the driver has broken a rule. Right only while the disk is paused.
    var state: VirtqueueState? { interrupt.isFailed ? nil : served.withLock { $0.queue.state } }
}

/// The life of the threads.
extension BlockQueues {
    /// Starts the disk's thread, which first serves what the driver has made available already.
    func start() throws(Failure) {
        phase.store(.running, ordering: .releasing)
        let watch = try DoorbellWatch(doorbell)
        let started = try OwnedThread(named: "disk") { [self] in run(watch) }
        thread.withLock { $0 = started }
    }

    /// Completes every request whose chain was popped, and ends all threads. Chains that the driver has made
    /// available stay in its ring until `start`.
    func pause() {
        phase.store(.pausing, ordering: .releasing)
        doorbell.signal()
        thread.withLock { $0.take() }?.join()
        workers.withLock { $0.take() }?.finish()
    }

    /// Starts the disk's thread again. If the host cannot, the device fails, and the driver resets it.
    func resume() {
        do throws(Failure) { try start() } catch {
            interrupt.fail(.badRequest("the host cannot start a thread for the disk"))
        }
    }

    /// Ends all threads. Waits for the steps in progress, and drops all other work. Afterwards nothing
    /// accesses the guest's memory or the disk any more.
    func stop() {
        phase.store(.stopping, ordering: .releasing)
        doorbell.signal()
        thread.withLock { $0.take() }?.join()
        workers.withLock { $0.take() }?.stop()
    }

    private func run(_ watch: DoorbellWatch) {
        var chain = DescriptorChain()
        var vectors = IOVectors()
        while isRunning {
            interrupt.serve { () throws(VirtqueueError) in try serveBatch(&chain, &vectors) }
            watch.wait()
        }
    }
}

/// The steps of a request.
extension BlockQueues {
    /// Serves all requests that the driver has made available.
    private func serveBatch(_ chain: inout DescriptorChain, _ vectors: inout IOVectors) throws(VirtqueueError)
    {
        var completedCount = 0
        while isRunning, try pop(&chain) {
            var request = try BlockRequest(parsing: chain, in: memory)
            if let completion = try submit(&request, chain, &vectors) {
                try complete(request, completion)
                completedCount += 1
            }
            if completedCount >= Self.batchCount {
                try interruptDriver()
                completedCount = 0
            }
        }
        try interruptDriver()
    }

    private func pop(_ chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        try served.withLock { served throws(VirtqueueError) in try served.queue.popOrRearm(into: &chain) }
    }

    /// Submits a request to the disk. If the disk would have to wait, submits the request to a worker and
    /// returns nil. Waits here if the host cannot start a worker.
    private func submit(
        _ request: inout BlockRequest, _ chain: borrowing DescriptorChain, _ vectors: inout IOVectors
    ) throws(VirtqueueError) -> BlockCompletion? {
        if let completion = try request.submit(chain, to: self, &vectors) { return completion }
        let isAccepted = startedWorkers().submit(BlockJob(request: request, chain: copy chain))
        return isAccepted ? nil : try request.submitAndWait(chain, to: self, &vectors)
    }

    private func startedWorkers() -> BlockWorkers {
        workers.withLock { workers in
            if let workers { return workers }
            let started = BlockWorkers { [weak self] job, vectors in self?.serve(job, &vectors) }
            workers = started
            return started
        }
    }

    /// Serves a request on a worker's thread.
    private func serve(_ job: BlockJob, _ vectors: inout IOVectors) {
        interrupt.serve { () throws(VirtqueueError) in
            var request = job.request
            let completion = try request.submitAndWait(job.chain, to: self, &vectors)
            try complete(request, completion)
            try interruptDriver()
        }
    }

    /// Completes a request: writes the status and pushes the chain.
    private func complete(
        _ request: BlockRequest, _ completion: BlockCompletion
    ) throws(VirtqueueError) {
        try guarded { () throws(GuestMemoryFault) in
            try memory.store(completion.status.rawValue, at: request.statusAddress)
        }
        try served.withLock { served throws(VirtqueueError) in
            try served.queue.push(head: request.head, byteCount: completion.usedByteCount)
            served.counters.note(completion)
        }
    }

    private func interruptDriver() throws(VirtqueueError) {
        try served.withLock { served throws(VirtqueueError) in
            try served.queue.interruptDriver(
                interrupt, queue: VirtioBlock.requestQueue, &served.counters)
        }
    }
}

extension VirtioCounters {
    fileprivate mutating func note(_ completion: BlockCompletion) {
        requestCount &+= 1
        byteCountToGuest &+= completion.byteCountToGuest
        byteCountFromGuest &+= completion.byteCountFromGuest
        if completion.status != .ok { errorCount &+= 1 }
    }
}
