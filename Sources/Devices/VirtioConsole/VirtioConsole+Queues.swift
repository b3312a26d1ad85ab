import Host
import Synchronization
import Virtio

/// The handlers that run on the event loop's thread or, for a notification, on the vCPU's thread.
extension VirtioConsole {
    public func notified(_ queue: Int) {
        switch queue {
        case Self.receiveQueue: serveReceiveBell()
        case Self.transmitQueue: transmit()
        default: break
        }
    }

    public func receive(_ bytes: ArraySlice<UInt8>) -> Int {
        var accepted = 0
        serve { active, counters throws(VirtqueueError) in accepted = try active.receive(bytes, &counters) }
        return accepted
    }

    public func whenRoomAppears(_ handler: @escaping @Sendable () -> Void) {
        room.connect(handler)
    }

    func serveReceiveBell() {
        advance { $0.noteBuffers(now: .now()) }
        room.ring()
    }

    /// Handles the end of the input gate's wait.
    func serveSilence() {
        silence.drain()
        advance { $0.noteSilence(now: .now()) }
    }

    /// Notes that the driver reads its configuration, on a vCPU's thread.
    func noteConfigurationRead() {
        if state.withLock({ $0.active?.gate.noteRead() == true }) { room.ring() }
    }

    private func advance(_ note: (inout InputGate) -> InputGate.Step) {
        let step = state.withLock { state in
            guard state.active != nil else { return InputGate.Step.nothing }
            return note(&state.active!.gate)
        }
        switch step {
        case .nothing: break
        case .wait(let milliseconds): silence.arm(milliseconds: milliseconds)
        case .ask:
            silence.arm(milliseconds: InputGate.longestQuestion)
            state.withLock { $0.active?.interrupt.configurationChanged() }
        case .open: room.ring()
        }
    }

    /// Checks the reader when a chain has been held for the time that a reader without progress is given.
    func servePatience() {
        patience.drain()
        guard state.withLock({ $0.active?.isHolding == true }) else { return }
        _ = output.hasStalled()
        transmit()
    }

    /// Transmits when the driver has notified the device, or when the output has room again.
    func transmit() {
        var isHolding = false
        serve { active, counters throws(VirtqueueError) in
            try active.transmit(to: output, &counters)
            isHolding = active.isHolding
            if counters.byteCountFromGuest > 0 { printed.store(true, ordering: .relaxed) }
        }
        if isHolding { patience.arm(milliseconds: Int(output.patience)) }
    }

    /// Runs `body` on an active device. A driver that violates the specification stops the device until the
    /// driver resets it.
    private func serve(
        _ body: (inout ConsoleQueues, inout VirtioCounters) throws(VirtqueueError) -> Void
    ) {
        state.withLock { state in
            guard state.active?.interrupt.isFailed == false else { return }
            do throws(VirtqueueError) {
                try body(&state.active!, &state.counters)
            } catch {
                state.counters.faultCount &+= 1
                state.active?.interrupt.fail(error)
            }
        }
    }
}
