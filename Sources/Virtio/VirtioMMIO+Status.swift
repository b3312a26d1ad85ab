import GuestMemory
import Host
import Synchronization

extension VirtioMMIO {
    /// The driver wrote the status register (Virtio 1.2, 2.1 and 3.1.1).
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

    /// Accepts what the driver chose, or leaves FEATURES_OK unset, so that the driver sees that it may not (3.1.1, 5).
    private func settleFeatures(_ state: inout VirtioMMIOState) {
        let chosen = VirtioFeatures(rawValue: state.driverFeatures)
        let isAcceptable = chosen.isSubset(of: offered) && chosen.contains(.version1)
        if !isAcceptable { state.status.remove(.featuresOK) }
    }

    private func activate(_ state: inout VirtioMMIOState) {
        guard state.status.contains(.featuresOK) else {
            return interrupt.fail(.badRequest("DRIVER_OK before FEATURES_OK"))
        }
        // A device that broke before it started stays broken until it is reset.
        guard !interrupt.isFailed else { return }
        let activation = VirtioActivation(
            features: VirtioFeatures(rawValue: state.driverFeatures), memory: memory, queues: state.queues,
            doorbells: doorbells, interrupt: interrupt)
        do throws(VirtqueueError) { try device.activate(activation) } catch { interrupt.fail(error) }
    }

    /// The machine ends: the device lets go of guest memory as at a reset, whatever the driver thinks.
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
