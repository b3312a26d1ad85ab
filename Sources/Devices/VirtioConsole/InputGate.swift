public import Host

/// The state of an input gate. The times of its waits are not part of it: they begin again.
public struct InputGateState: Hashable, Sendable {
    public enum Phase: UInt8, Hashable, Sendable {
        /// The driver has made no receive buffer available yet.
        case shut
        /// The gate waits for silence.
        case listening
        /// The driver was interrupted for a configuration change.
        case asked
        case open
    }

    public var phase: Phase
    /// Whether the driver has sent output since the wait for silence began.
    public var isNoisy: Bool

    public init(phase: Phase, isNoisy: Bool = false) {
        self.phase = phase
        self.isNoisy = isNoisy
    }
}

extension InputGateState: ByteValue {
    public func write(to writer: inout ByteWriter) {
        writer.u8(phase.rawValue)
        writer.flag(isNoisy)
    }

    public init?(from reader: inout ByteReader) {
        guard let phase = reader.u8().flatMap(Phase.init(rawValue:)), let isNoisy = reader.flag() else {
            return nil
        }
        self.init(phase: phase, isNoisy: isNoisy)
    }
}

/// Decides when a driver gets its first input.
///
/// Linux discards input that arrives between its first receive buffer and the end of its console's set-up,
/// and it reads the size only after an interrupt for a configuration change. Without
/// VIRTIO_CONSOLE_F_MULTIPORT it never reports that it is ready.
///
/// So the device waits until the driver has been silent for a while (setting up a console prints the kernel's
/// log) and then raises a configuration change. When the driver reads the size in response, the driver is
/// ready.
struct InputGate: Sendable {
    /// The time for which the driver must be silent, in milliseconds.
    static let usualSilence = 50
    /// The longest wait for silence, in nanoseconds.
    static let longestNoise: UInt64 = 2_000_000_000
    /// The longest wait for the driver to read the size, in milliseconds.
    static let longestQuestion = 100

    /// The device's next step.
    enum Step: Hashable {
        case nothing
        case wait(milliseconds: Int)
        case ask
        case open
    }

    let silence: Int
    private(set) var state: InputGateState
    /// The end of the longest wait for silence.
    private var limit = MonotonicTime(nanoseconds: 0)

    /// Makes a gate that waits for `silence` milliseconds without output: a new one, or one that continues at
    /// `state`. With a `silence` of 0 it is open from the start.
    init(silence: Int, _ state: InputGateState = InputGateState(phase: .shut)) {
        self.silence = silence
        self.state = silence == 0 ? InputGateState(phase: .open) : state
    }

    var isOpen: Bool { state.phase == .open }

    /// Notes that the driver has made receive buffers available.
    mutating func noteBuffers(now: MonotonicTime) -> Step {
        guard state.phase == .shut else { return .nothing }
        return listen(now: now)
    }

    private mutating func listen(now: MonotonicTime) -> Step {
        state.phase = .listening
        limit = MonotonicTime(nanoseconds: now.nanoseconds &+ Self.longestNoise)
        return .wait(milliseconds: silence)
    }

    /// Begins the wait of the present phase again, after a pause.
    mutating func resume(now: MonotonicTime) -> Step {
        switch state.phase {
        case .listening: listen(now: now)
        case .asked: .ask
        case .shut, .open: .nothing
        }
    }

    /// Notes that the driver has sent output.
    mutating func noteOutput() {
        state.isNoisy = true
    }

    /// Notes that the time of the last step has passed.
    mutating func noteSilence(now: MonotonicTime) -> Step {
        switch state.phase {
        case .listening:
            defer { state.isNoisy = false }
            if state.isNoisy, now < limit { return .wait(milliseconds: silence) }
            state.phase = .asked
            return .ask
        case .asked:
            state.phase = .open
            return .open
        case .shut, .open: return .nothing
        }
    }

    /// Notes that the driver has read its configuration; returns whether that opens the gate.
    mutating func noteRead() -> Bool {
        guard state.phase == .asked else { return false }
        state.phase = .open
        return true
    }
}
