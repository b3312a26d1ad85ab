import Host

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

    private enum Phase: Sendable {
        /// The driver has made no receive buffer available yet.
        case shut
        /// The gate waits for silence, at most until this time.
        case listening(until: MonotonicTime)
        /// The driver was interrupted for a configuration change.
        case asked
        case open
    }

    /// The device's next step.
    enum Step: Hashable {
        case nothing
        case wait(milliseconds: Int)
        case ask
        case open
    }

    let silence: Int
    private var phase: Phase
    private var isNoisy = false

    /// Makes a gate that waits for `silence` milliseconds without output. With a `silence` of 0 it is open
    /// from the start.
    init(silence: Int) {
        self.silence = silence
        phase = silence == 0 ? .open : .shut
    }

    var isOpen: Bool {
        if case .open = phase { return true }
        return false
    }

    /// Notes that the driver has made receive buffers available.
    mutating func noteBuffers(now: MonotonicTime) -> Step {
        guard case .shut = phase else { return .nothing }
        phase = .listening(until: MonotonicTime(nanoseconds: now.nanoseconds &+ Self.longestNoise))
        return .wait(milliseconds: silence)
    }

    /// Notes that the driver has sent output.
    mutating func noteOutput() {
        isNoisy = true
    }

    /// Notes that the time of the last step has passed.
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

    /// Notes that the driver has read its configuration; returns whether that opens the gate.
    mutating func noteRead() -> Bool {
        guard case .asked = phase else { return false }
        phase = .open
        return true
    }
}
