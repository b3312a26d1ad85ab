import Host
import Synchronization
import Virtio

/// What happens on the event loop's thread and, for a notification, on the vCPU's.
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

    /// The input gate has waited long enough.
    func serveSilence() {
        silence.drain()
        advance { $0.noteSilence(now: .now()) }
    }

    /// The driver reads its configuration, on a vCPU's thread.
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

    /// A chain has been held for as long as we bear with a reader that makes no progress.
    func servePatience() {
        patience.drain()
        guard state.withLock({ $0.active?.isHolding == true }) else { return }
        _ = output.hasStalled()
        transmit()
    }

    /// The driver has rung, or the output has room again.
    func transmit() {
        var isHolding = false
        serve { active, counters throws(VirtqueueError) in
            try active.transmit(to: output, &counters)
            isHolding = active.isHolding
            if counters.byteCountFromGuest > 0 { printed.store(true, ordering: .relaxed) }
        }
        if isHolding { patience.arm(milliseconds: Int(output.patience)) }
    }

    /// Runs `body` on an active device. A driver that breaks the rules stops the device until it resets it.
    private func serve(
        _ body: (inout ActiveConsole, inout VirtioCounters) throws(VirtqueueError) -> Void
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
