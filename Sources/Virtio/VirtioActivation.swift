public import GuestMemory
public import Host

/// The environment of an active device: its features, memory, queues, doorbells and interrupt.
public struct VirtioActivation: Sendable {
    /// The negotiated features.
    public let features: VirtioFeatures
    public let memory: GuestMemory
    /// The configuration of each queue; `isReady` is false for a queue that the driver did not enable.
    public let queues: [VirtqueueConfiguration]
    /// The doorbell of each queue, which becomes readable when the driver notifies the queue.
    public let doorbells: [EventFD]
    public let interrupt: VirtioInterrupt

    public init(
        features: VirtioFeatures, memory: GuestMemory, queues: [VirtqueueConfiguration], doorbells: [EventFD],
        interrupt: VirtioInterrupt
    ) {
        self.features = features
        self.memory = memory
        self.queues = queues
        self.doorbells = doorbells
        self.interrupt = interrupt
    }

    /// Returns the queue with that number: a new one, or one that continues at `state`. Throws if the driver
    /// has not set it up.
    public func virtqueue(
        _ index: Int, _ state: VirtqueueState = VirtqueueState()
    ) throws(VirtqueueError) -> Virtqueue {
        guard queues[index].isReady else { throw .queueNotReady(index) }
        return try Virtqueue(queues[index], state, features: features, memory: memory)
    }
}
