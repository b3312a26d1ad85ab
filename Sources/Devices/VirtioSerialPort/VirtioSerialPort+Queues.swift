import Synchronization
import Virtio

/// The handlers that run on the event loop's thread or, for a control message, on the vCPU's thread.
extension VirtioSerialPort {
    /// The number of bytes that are taken in one turn of the event loop.
    private static let turnByteCount: UInt64 = 1 << 20

    public func notified(_ queue: Int) {
        if queue == Self.controlTransmitQueue { serveControl() }
    }

    /// Takes the bytes that the driver sent, after it has notified the device. Only the loop's thread calls
    /// this, so pieces keep their order although each is handed over without the lock.
    func take() {
        var budget = Self.turnByteCount
        while let bytes = takePiece(&budget) { received(bytes) }
    }

    private func takePiece(_ budget: inout UInt64) -> [UInt8]? {
        state.withLock { state in
            var bytes: [UInt8]?
            serve(&state) { active, counters throws(VirtqueueError) in
                bytes = try active.take(&budget, &counters)
            }
            return bytes
        }
    }

    /// Passes on waiting bytes after the driver has made room.
    func giveMore() {
        state.withLock { state in givePending(&state) }
    }

    func sendMessages() {
        state.withLock { state in
            serve(&state) { active, counters throws(VirtqueueError) in
                try active.sendMessages(name: name, &counters)
            }
        }
    }

    func serveControl() {
        let isOpen: Bool? = state.withLock { state in
            let wasOpen = state.active?.isOpen == true
            serve(&state) { active, counters throws(VirtqueueError) in
                try active.serveControl(name: name, &counters)
            }
            let isOpen = state.active?.isOpen == true
            guard isOpen != wasOpen else { return nil }
            if isOpen { givePending(&state) } else { state.pending.removeAll() }
            return isOpen
        }
        if let isOpen { opened(isOpen) }
    }

    private func givePending(_ state: inout State) {
        guard !state.pending.isEmpty else { return }
        let given = give(state.pending.waiting, in: &state)
        state.pending.removeFirst(given)
    }

    /// Passes as much of `bytes` to the guest as it has room for; returns the number of bytes.
    func give(_ bytes: ArraySlice<UInt8>, in state: inout State) -> Int {
        var given = 0
        serve(&state) { active, counters throws(VirtqueueError) in given = try active.give(bytes, &counters) }
        return given
    }

    /// Runs `body` on an active device. A driver that violates the specification stops the device until the
    /// driver resets it.
    private func serve(
        _ state: inout State,
        _ body: (inout PortQueues, inout VirtioCounters) throws(VirtqueueError) -> Void
    ) {
        guard state.active?.interrupt.isFailed == false else { return }
        do throws(VirtqueueError) {
            try body(&state.active!, &state.counters)
        } catch {
            state.counters.faultCount &+= 1
            state.active?.interrupt.fail(error)
        }
    }
}
