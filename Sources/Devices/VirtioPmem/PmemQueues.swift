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
        while try queue.pop() {
            let request = try PmemRequest(queue)
            if !request.isFlush { counters.errorCount &+= 1 }
            let byteCount = try request.answer(queue)
            try queue.push(byteCount: byteCount, &counters)
        }
        try queue.endTurn(&counters)
    }
}
