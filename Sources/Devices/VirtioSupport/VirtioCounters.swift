/// What a virtio device has done since it was made, resets included: plain numbers, read at any time.
public struct VirtioCounters: Hashable, Sendable {
    /// Chains that were taken and given back.
    public var requestCount: UInt64 = 0
    /// Bytes written into the guest's memory.
    public var byteCountToGuest: UInt64 = 0
    /// Bytes taken from the guest's memory.
    public var byteCountFromGuest: UInt64 = 0
    /// Interrupts for used buffers.
    public var interruptCount: UInt64 = 0
    /// Requests that the device answered with an error.
    public var errorCount: UInt64 = 0
    /// How often the driver broke the rules and the device stopped.
    public var faultCount: UInt64 = 0

    public init() {}
}
