import GuestMemory
import Virtio

/// The steps of every device's loop over a queue.
extension Virtqueue {
    /// Pops the next chain. If there is none, enables notifications and returns false. A chain that the
    /// driver adds meanwhile is either popped here or causes a notification.
    mutating func popOrRearm(into chain: inout DescriptorChain) throws(VirtqueueError) -> Bool {
        while try !pop(into: &chain) {
            guard try enableNotifications() else { return false }
        }
        return true
    }

    /// Interrupts the driver if it has asked for an interrupt for the chains that were pushed.
    mutating func tell(
        _ interrupt: VirtioInterrupt, _ counters: inout VirtioCounters
    ) throws(VirtqueueError) {
        guard try needsInterrupt() else { return }
        counters.interruptCount &+= 1
        interrupt.usedBuffer()
    }
}
