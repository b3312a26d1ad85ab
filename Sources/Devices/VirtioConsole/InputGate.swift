import Host

/// When a driver may be given input for the first time.
///
/// Linux throws away what arrives between its first receive buffer and the end of its console's set-up, and it asks for
/// the size only when it is told of a change. Without VIRTIO_CONSOLE_F_MULTIPORT it says nowhere that it is ready. So we
/// wait until it has been silent for a while (setting up a console prints the kernel's log), tell it of a change, and
/// take the answer to that, its reading of the size, for the sign.
struct InputGate: Sendable {
    /// How long the driver must be silent, in milliseconds.
    static let usualSilence = 50
    /// How long we wait at the most for that, and for its reading the size.
    static let longestNoise: UInt64 = 2_000_000_000
    static let longestQuestion = 100

    private enum Phase: Sendable {
        /// No receive buffer yet.
        case shut
        case listening(until: MonotonicTime)
        /// The driver was told that its configuration changed.
        case asked
        case open
    }

    /// What the device is to do next.
    enum Step: Hashable {
        case nothing
        case wait(milliseconds: Int)
        case ask
        case open
    }

    let silence: Int
    private var phase: Phase
    private var isNoisy = false

    /// `silence` of 0: open from the start.
    init(silence: Int) {
        self.silence = silence
        phase = silence == 0 ? .open : .shut
    }

    var isOpen: Bool {
        if case .open = phase { return true }
        return false
    }

    /// The driver has made receive buffers available.
    mutating func noteBuffers(now: MonotonicTime) -> Step {
        guard case .shut = phase else { return .nothing }
        phase = .listening(until: MonotonicTime(nanoseconds: now.nanoseconds &+ Self.longestNoise))
        return .wait(milliseconds: silence)
    }

    /// The driver has sent something.
    mutating func noteOutput() {
        isNoisy = true
    }

    /// The time that was waited for has passed.
    mutating func noteSilence(now: MonotonicTime) -> Step {
        switch phase {
        case .listening(let limit):
            defer { isNoisy = false }
            if isNoisy, now < limit { return .wait(milliseconds: silence) }
            phase = .asked
            return .ask
        case .asked:
            phase = .open
            return .open
        case .shut, .open: return .nothing
        }
    }

    /// The driver has read its configuration; true if that opens the gate.
    mutating func noteRead() -> Bool {
        guard case .asked = phase else { return false }
        phase = .open
        return true
    }
}
