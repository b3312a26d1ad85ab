import Virtio

/// The queue of a persistent memory device between DRIVER_OK and reset.
struct PmemQueues: ~Copyable, Sendable {
    /// VIRTIO_PMEM_REQ_TYPE_FLUSH (Virtio 1.2, 5.19.6).
    private static let flush: UInt32 = 0
    /// The responses (5.19.6.1): VIRTIO_PMEM_RESP_TYPE_OK and VIRTIO_PMEM_RESP_TYPE_EIO.
    private static let (ok, ioError): (UInt8, UInt8) = (0, 1)

    private var queue: Virtqueue
    let interrupt: VirtioInterrupt
    private var chain = DescriptorChain()

    init(_ activation: VirtioActivation) throws(VirtqueueError) {
        let queue = try activation.virtqueue(VirtioPmem.requestQueue)
        self.queue = queue
        interrupt = activation.interrupt
    }

    /// Answers all pending requests. If the guest's other CPUs add requests without end, only the notifying
    /// vCPU is kept busy.
    mutating func serve(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        while try queue.popOrRearm(into: &chain) {
            try answer(&counters)
            try queue.push(head: chain.head, byteCount: 4)
            counters.requestCount &+= 1
            counters.byteCountToGuest &+= 4
        }
        try queue.tell(interrupt, &counters)
    }

    /// Answers a struct virtio_pmem_req (le32 type) with a struct virtio_pmem_resp (le32 ret).
    private func answer(_ counters: inout VirtioCounters) throws(VirtqueueError) {
        guard chain.readableByteCount >= 4 else {
            throw .badRequest("a persistent memory request without a type")
        }
        let type = UInt32(truncatingIfNeeded: try chain.readable.word(at: 0, in: queue.memory))
        if type != Self.flush { counters.errorCount &+= 1 }
        let response: [UInt8] = [type == Self.flush ? Self.ok : Self.ioError, 0, 0, 0]
        guard try chain.writable.scatter(response[...], in: queue.memory) == response.count else {
            throw .badRequest("a persistent memory request without room for the answer")
        }
    }
}
