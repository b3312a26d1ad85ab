import AgentProtocol
import Host
import Machine
import Synchronization

/// The end: what the process said is written before the machine goes.
extension ContainerSession {
    /// How long a guest may take to write its disk out, in milliseconds.
    private static let shutdownMilliseconds = 30_000

    func leave(_ end: ContainerEnd) {
        state.withLock { state in
            state.phase = .ended
            state.end = end
        }
        serveBell()
    }

    /// A writer has come further.
    func serveBell() {
        bell.drain()
        let (news, isDone) = state.withLock { state in
            var news: [[UInt8]] = []
            for index in state.outputs.indices {
                if let bytes = state.outputs[index].news() { news.append(bytes) }
            }
            return (news, state.phase == .ended && state.outputs.allSatisfy(\.isIdle))
        }
        if isDone { return leaveMachine() }
        for bytes in news { send(bytes) }
    }

    /// Nothing is left to be said. A machine whose memory was all it had goes at once; a disk is written out first.
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
