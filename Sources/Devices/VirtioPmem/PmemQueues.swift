import Virtio

/// The queue of a persistent memory device between DRIVER_OK and reset.
struct PmemQueues: ~Copyable, Sendable {
    private var queue: ServedQueue

    init(
        _ activation: VirtioActivation, _ state: VirtqueueState = VirtqueueState()
    ) throws(VirtqueueError) {
        let queue = try ServedQueue(VirtioPmem.requestQueue, of: activation, state)
        self.queue = queue
    }

    var state: VirtqueueState { queue.state }

    /// Answers the requests that the driver has made available, one turn.
    mutating func serve(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        try queue.serve(&counters) { chain, memory, counters throws(VirtqueueError) in
            let request = try PmemRequest(chain, in: memory)
            if !request.isFlush { counters.errorCount &+= 1 }
            return try request.answer(in: memory)
        }
    }
}
