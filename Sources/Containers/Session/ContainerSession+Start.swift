import AgentProtocol
import Host
import Machine
import Synchronization

/// The start of the container: each step of the agent, and what the session sends for it.
extension ContainerSession {
    /// Sends the first instructions to the agent, and starts watching signals, output and input. All
    /// instructions but the last are sent at once, unless `whenPrepared` has to be called before the
    /// identity. The last, the start of the process, waits until the guest has its identity.
    func begin(_ link: any SessionLink) throws(Failure) {
        state.withLock { $0.link = link }
        if !isRestored {
            send(Frame.bytes(FrameHeader(.hello), Hello()))
            send(Frame.bytes(FrameHeader(.prepare), Preparation(for: plan.container)))
        }
        if isRestored || whenPrepared == nil { try sendContainer() }
        try link.loop.watch(progressEvent.descriptor) { [weak self] in self?.handleProgress() }
        try watchSignals(link.loop)
        let timeouts = try Timeouts(loop: link.loop, clock: clock) { [weak self] in self?.giveUp() }
        state.withLock { $0.timeouts = timeouts }
        if plan.process.hasInput { try startInput(link.loop) }
    }

    /// Sends the guest its identity, as of now, and then the container.
    private func sendContainer() throws(Failure) {
        send(Frame.bytes(FrameHeader(.identity), try GuestIdentity.ofHost()))
        send(Frame.bytes(FrameHeader(.container), plan.container))
    }

    /// Handles the agent's first message.
    func greet(_ frame: Frame) throws(SessionError) {
        let hello: Hello = try value(frame)
        guard hello.version == agentProtocolVersion else { throw .wrongVersion(hello.version) }
        timings?.note(.agentReady)
        enter(.greeted)?.renew()
    }

    /// Handles the end of the preparation.
    func takePrepared() throws(SessionError) {
        timings?.note(.prepared)
        let timeouts = enter(.prepared)
        guard let whenPrepared else { return }
        whenPrepared()
        // Only the guest's own time counts.
        timeouts?.renew()
        do throws(Failure) { try sendContainer() } catch { throw .hostFailed(error) }
    }

    /// Requests the process, and passes on the input that has waited for it. This must not happen before the
    /// guest has its identity: guests that were restored from the same saved one would have the same random
    /// numbers.
    func takeIdentified() {
        let timeouts = enter(.identified)
        if isRestored { timeouts?.renew() }
        send(Frame.bytes(FrameHeader(.start, process: Self.process), plan.process))
        let input = state.withLock { state in
            defer { state.heldInput = [] }
            return state.heldInput
        }
        if !input.isEmpty { send(input) }
    }

    /// Handles the start of the process. Stops the timeout: the process may run as long as it wants.
    func takeStarted() {
        timings?.note(.processStarted)
        let timeouts = enter(.running)
        state.withLock {
            $0.timeouts = nil
            $0.hasStarted = true
        }
        timeouts?.stop()
    }

    /// Enters the phase and returns the timeouts.
    private func enter(_ phase: Phase) -> Timeouts? {
        state.withLock { state in
            state.phase = phase
            return state.timeouts
        }
    }

    /// Ends the session because the agent has not answered or has not started the process within the timeout.
    private func giveUp() {
        let phase = state.withLock { $0.phase }
        let isSilent = phase == (isRestored ? .prepared : .silent)
        guard phase != .running, phase != .ended else { return }
        let fault = isSilent ? "does not answer" : "answers, but does not start the process"
        finish(.agentFailed("its agent \(fault); --append loglevel=7 shows its kernel's messages"))
    }

    private func startInput(_ loop: EventLoop) throws(Failure) {
        let isRaw = plan.process.terminal != nil && Terminal.isTerminal(streams.input)
        if isRaw { try Terminal.makeRaw(streams.input) }
        let header = FrameHeader(.data, process: Self.process, stream: .input)
        let pump = InputPump(descriptor: streams.input, loop: loop) { [weak self] bytes in
            guard !bytes.isEmpty else {
                self?.sendInput(Frame.bytes(FrameHeader(.end, process: Self.process, stream: .input)))
                return
            }
            if isRaw { self?.takeKeys(bytes) }
            self?.sendInput(Frame.bytes(header, bytes))
        }
        state.withLock { $0.input = pump }
        try pump.start()
    }

    /// Sends a frame of input, or holds it until the process was requested. The credit limits the held bytes.
    private func sendInput(_ frame: [UInt8]) {
        let isHeld = state.withLock { state in
            switch state.phase {
            case .silent, .greeted, .prepared:
                state.heldInput += frame
                return true
            case .identified, .running, .ended: return false
            }
        }
        if !isHeld { send(frame) }
    }
}
