import GuestMemory
import Host
import Synchronization
import Virtio

/// The activity of a disk between DRIVER_OK and reset: its queue, its thread, and the workers that wait for
/// the host.
///
/// The queue is under a lock that no thread holds during I/O. The disk's thread pops and pushes chains; a
/// worker pushes the chain whose request it has finished.
final class BlockServer: Sendable {
    static let identifierByteCount = 20
    /// The largest number of requests that are completed before the driver is interrupted.
    private static let batchCount = 32

    private enum Phase: UInt8, AtomicRepresentable {
        case running
        /// Requests that were popped are finished, and no more are popped.
        case pausing
        /// Requests that were popped are broken off at their next step.
        case stopping
    }

    struct Served: ~Copyable, Sendable {
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

    /// Makes the server: of a new queue, or of one that continues at `state`.
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

    /// The state of the queue, or nil if the driver has broken a rule.
    var queueState: VirtqueueState? { interrupt.isFailed ? nil : served.withLock { $0.queue.state } }

    func start() throws(Failure) {
        phase.store(.running, ordering: .releasing)
        let watch = try DoorbellWatch(doorbell)
        let started = try OwnedThread(named: "disk") { [self] in run(watch) }
        thread.withLock { $0 = started }
    }

    /// Waits for all requests in flight. Afterwards nothing accesses the guest's memory or the disk any more.
    func stop() {
        phase.store(.stopping, ordering: .releasing)
        doorbell.signal()
        thread.withLock { $0.take() }?.join()
        workers.withLock { $0.take() }?.stop()
    }

    /// Finishes all requests that were popped, and pops no more until `resume`.
    func pause() {
        phase.store(.pausing, ordering: .releasing)
        doorbell.signal()
        thread.withLock { $0.take() }?.join()
        workers.withLock { $0.take() }?.finish()
    }

    /// Serves the queue again.
    func resume() {
        do throws(Failure) { try start() } catch {
            interrupt.fail(.badRequest("the host has no thread to spare for a disk"))
        }
    }

    private func run(_ watch: DoorbellWatch) {
        var chain = DescriptorChain()
        var vectors = IOVectors()
        while isRunning {
            interrupt.serve { () throws(VirtqueueError) in try serveBatch(&chain, &vectors) }
            watch.wait()
        }
    }

    /// Serves all requests that the driver has made available.
    private func serveBatch(_ chain: inout DescriptorChain, _ vectors: inout IOVectors) throws(VirtqueueError)
    {
        var untold = 0
        while isRunning, try take(&chain) {
            let request = try BlockRequest(chain, in: memory)
            if let completion = try begin(request, chain, &vectors) {
                try complete(request, chain.head, completion)
                untold += 1
            }
            if untold >= Self.batchCount {
                try tell()
                untold = 0
            }
        }
        try tell()
    }

    private func take(_ chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        try served.withLock { served throws(VirtqueueError) in try served.queue.popOrRearm(into: &chain) }
    }

    private func tell() throws(VirtqueueError) {
        try served.withLock { served throws(VirtqueueError) in
            try served.queue.interruptDriver(
                interrupt, queue: VirtioBlock.requestQueue, &served.counters)
        }
    }

    /// Writes the status and pushes the chain.
    private func complete(
        _ request: BlockRequest, _ head: UInt16, _ completion: BlockCompletion
    ) throws(VirtqueueError) {
        try guarded { () throws(GuestMemoryFault) in
            try memory.store(completion.status.rawValue, at: request.statusAddress)
        }
        try served.withLock { served throws(VirtqueueError) in
            try served.queue.push(head: head, byteCount: completion.usedByteCount)
            served.counters.note(completion)
        }
    }

    /// Hands a request to a worker that may wait. Carries it out on this thread if the host cannot start a
    /// worker.
    func submit(_ job: BlockJob, _ vectors: inout IOVectors) throws(VirtqueueError) -> BlockCompletion? {
        let workers = workers.withLock { workers in
            if workers == nil {
                workers = BlockWorkers { [weak self] job, vectors in self?.work(job, &vectors) }
            }
            return workers!
        }
        return workers.submit(job) ? nil : try finish(job, &vectors)
    }

    private func work(_ job: BlockJob, _ vectors: inout IOVectors) {
        interrupt.serve { () throws(VirtqueueError) in
            let completion = try finish(job, &vectors)
            try complete(job.request, job.chain.head, completion)
            try tell()
        }
    }
}
