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
    private let isStopping = Atomic<Bool>(false)
    private let thread = Mutex<OwnedThread?>(nil)
    private let workers = Mutex<BlockWorkers?>(nil)

    init(
        _ activation: VirtioActivation, disk: DiskFile, identifier: [UInt8], counters: VirtioCounters,
        writesThrough: Bool
    ) throws(VirtqueueError) {
        let queue = try activation.virtqueue(VirtioBlock.requestQueue)
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
    var continues: Bool { !isStopping.load(ordering: .acquiring) }

    func start() throws(Failure) {
        let watch = try DoorbellWatch(doorbell)
        let started = try OwnedThread(named: "disk") { [self] in run(watch) }
        thread.withLock { $0 = started }
    }

    /// Waits for all requests in flight. Afterwards nothing accesses the guest's memory or the disk any more.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        doorbell.signal()
        thread.withLock { $0.take() }?.join()
        workers.withLock { $0.take() }?.stop()
    }

    private func run(_ watch: DoorbellWatch) {
        var chain = DescriptorChain()
        var vectors = IOVectors()
        while continues {
            interrupt.serve { () throws(VirtqueueError) in try serveBatch(&chain, &vectors) }
            watch.wait()
        }
    }

    /// Serves all requests that the driver has made available.
    private func serveBatch(_ chain: inout DescriptorChain, _ vectors: inout IOVectors) throws(VirtqueueError)
    {
        var untold = 0
        while continues, try take(&chain) {
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
