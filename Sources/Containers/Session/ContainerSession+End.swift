import AgentProtocol
import Host
import Machine
import Synchronization

/// The end of a session: the output of the process is written before the VM ends.
extension ContainerSession {
    /// The time that a guest has to write its disk and power off, in milliseconds.
    private static let shutdownMilliseconds = 30_000

    func leave(_ end: ContainerEnd) {
        state.withLock { state in
            state.phase = .ended
            state.end = end
        }
        handleProgress()
    }

    /// Handles the progress of the output threads: sends credit to the agent, or ends the VM when the session
    /// has ended and all output is written.
    func handleProgress() {
        progressEvent.drain()
        let (frames, isDone) = state.withLock { state in
            var frames: [[UInt8]] = []
            for index in state.outputs.indices {
                if let bytes = state.outputs[index].progressFrame() { frames.append(bytes) }
            }
            return (frames, state.phase == .ended && state.outputs.allSatisfy(\.isIdle))
        }
        if isDone { return leaveMachine() }
        for bytes in frames { send(bytes) }
    }

    /// Ends the VM. A guest with a writable disk is asked to shut down first, so that it writes the disk;
    /// without one, the VM ends at once.
    private func leaveMachine() {
        let isFirst = state.withLock { state in
            defer { state.isLeaving = true }
            return !state.isLeaving
        }
        guard isFirst else { return }
        guard plan.writableByteCount != nil, let loop = state.withLock({ $0.link })?.loop,
            let timer = try? TimerFD()
        else { return finish(nil) }
        send(Frame.bytes(FrameHeader(.shutdown)))
        guard (try? loop.watch(timer.descriptor, { [self] in finish(nil) })) != nil else {
            return finish(nil)
        }
        timer.arm(milliseconds: Self.shutdownMilliseconds)
        state.withLock { $0.shutdownTimer = timer }
    }
}
