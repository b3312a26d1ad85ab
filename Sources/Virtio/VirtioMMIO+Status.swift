import GuestMemory
import Host
import Synchronization

extension VirtioMMIO {
    /// Handles the driver's write to the status register (Virtio 1.2, 2.1 and 3.1.1).
    func setStatus(_ value: UInt32, in state: inout VirtioMMIOState) {
        if value == 0 { return reset(&state) }
        let old = state.status
        let new = VirtioStatus(rawValue: value).intersection(.setByDriver)
        guard new.isSuperset(of: old) else {
            return interrupt.fail(.badRequest("a status bit was cleared without a reset"))
        }
        state.status = new
        if new.contains(.featuresOK), !old.contains(.featuresOK) { settleFeatures(&state) }
        if state.status.contains(.driverOK), !old.contains(.driverOK) { activate(&state) }
    }

    /// Accepts the driver's features, or leaves FEATURES_OK unset, so that the driver sees that they are not
    /// supported (3.1.1, 5).
    private func settleFeatures(_ state: inout VirtioMMIOState) {
        let chosen = VirtioFeatures(rawValue: state.driverFeatures)
        let isAcceptable = chosen.isSubset(of: offered) && chosen.contains(.version1)
        if !isAcceptable { state.status.remove(.featuresOK) }
    }

    private func activate(_ state: inout VirtioMMIOState) {
        guard state.status.contains(.featuresOK) else {
            return interrupt.fail(.badRequest("DRIVER_OK before FEATURES_OK"))
        }
        // A device that failed before DRIVER_OK stays failed until it is reset.
        guard !interrupt.isFailed else { return }
        let activation = VirtioActivation(
            features: VirtioFeatures(rawValue: state.driverFeatures), memory: memory, queues: state.queues,
            doorbells: doorbells, interrupt: interrupt)
        do throws(VirtqueueError) { try device.activate(activation) } catch { interrupt.fail(error) }
    }

    /// Resets the device at the end of the machine, so that it no longer touches guest memory, whatever its
    /// status.
    public func stop() {
        state.withLock { reset(&$0) }
    }

    private func reset(_ state: inout VirtioMMIOState) {
        device.reset()
        interrupt.reset()
        for bell in doorbells { bell.drain() }
        state = VirtioMMIOState(queueSizes: device.queueSizes)
    }
}
