/// The work of a virtio device since it was made, resets included. Read it at any time.
public struct VirtioCounters: Hashable, Sendable {
    /// Chains that the device popped and pushed.
    public var requestCount: UInt64 = 0
    /// Bytes written into the guest's memory.
    public var byteCountToGuest: UInt64 = 0
    /// Bytes read from the guest's memory.
    public var byteCountFromGuest: UInt64 = 0
    /// Interrupts for used buffers.
    public var interruptCount: UInt64 = 0
    /// Requests that the device answered with an error.
    public var errorCount: UInt64 = 0
    /// The number of times that the driver broke a rule and the device stopped.
    public var faultCount: UInt64 = 0

    public init() {}
}
