import Virtio

/// The queue of an entropy device between DRIVER_OK and reset.
struct RngQueues: ~Copyable, Sendable {
    private var queue: ServedQueue

    init(
        _ activation: VirtioActivation, _ state: VirtqueueState = VirtqueueState()
    ) throws(VirtqueueError) {
        let queue = try ServedQueue(VirtioRng.requestQueue, of: activation, state)
        self.queue = queue
    }

    var state: VirtqueueState { queue.state }

    /// Fills the buffers that the driver has made available, one turn.
    mutating func serve(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        while try queue.pop() {
            let byteCount = try RngRequest.fill(queue)
            try queue.push(byteCount: byteCount, &counters)
        }
        try queue.endTurn(&counters)
    }
}
