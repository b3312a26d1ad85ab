import GuestMemory
import Virtio

/// The steps that every device's loop over a queue is made of.
extension Virtqueue {
    /// Takes the next chain, or asks for a bell and returns false: a chain that the driver adds at that very moment is
    /// taken, or rings.
    mutating func popOrWait(into chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        while try !pop(into: &chain) {
            guard try enableNotifications() else { return false }
        }
        return true
    }

    /// Interrupts the driver if it wants to know of what was pushed.
    mutating func tell(
        _ interrupt: VirtioInterrupt, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        guard try needsInterrupt() else { return }
        counters.interruptCount &+= 1
        interrupt.usedBuffer()
    }
}
