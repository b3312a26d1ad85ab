/// Counters of a virtio device's work since the device was made; a reset keeps them.
public struct VirtioCounters: Hashable, Sendable {
    /// The number of chains that the device popped and pushed.
    public var requestCount: UInt64 = 0
    /// The number of bytes written into the guest's memory.
    public var byteCountToGuest: UInt64 = 0
    /// The number of bytes read from the guest's memory.
    public var byteCountFromGuest: UInt64 = 0
    /// The number of interrupts for used buffers.
    public var interruptCount: UInt64 = 0
    /// The number of requests that the device answered with an error.
    public var errorCount: UInt64 = 0
    /// The number of times that the driver broke a rule and the device stopped.
    public var faultCount: UInt64 = 0

    public init() {}
}
