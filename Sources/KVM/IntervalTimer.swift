import CKVM
public import Host

/// The 8254, which only some guests need.
extension VirtualMachine {
    /// The guest's first access to the 8254, which made the monitor create it.
    public enum IntervalTimerStart: Sendable {
        /// An access that does not change the timer's state.
        case untouched
        /// A control word (port 0x43).
        case controlWord(UInt8)
        /// The gate of counter 2 (port 0x61, bit 0).
        case gate(Bool)
    }

    /// Creates an 8254 in the kernel, with its gate port 0x61, in the state after `start` (KVM_CREATE_PIT2,
    /// KVM_SET_PIT2). The VM must have its interrupt controllers; its vCPUs may exist.
    public func createIntervalTimer(_ start: IntervalTimerStart) throws(Failure) {
        try createIntervalTimer()
        if case .untouched = start { return }
        var state = kvm_pit_state2()
        try kvmCall(
            "cannot read the interval timer",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_GET_PIT2, &state))
        switch start {
        case .untouched: return
        case .controlWord(let word): Self.program(&state, word)
        case .gate(let isOpen): state.channels.2.gate = isOpen ? 1 : 0
        }
        try kvmCall(
            "cannot program the interval timer",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_SET_PIT2, &state))
    }

    private func createIntervalTimer() throws(Failure) {
        var configuration = kvm_pit_config()
        configuration.flags = UInt32(KVM_PIT_SPEAKER_DUMMY)
        try kvmCall(
            "cannot create the interval timer",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_CREATE_PIT2, &configuration))
    }

    /// The number of bytes of the 8254's state.
    public static let intervalTimerByteCount = MemoryLayout<kvm_pit_state2>.size

    /// Reads the state of the 8254, which must exist: a struct kvm_pit_state2 (KVM_GET_PIT2).
    ///
    /// KVM_SET_PIT2 starts every count anew. So a counter that counts once has only the rest of its count in
    /// the state; one that counts again and again loses at most one period.
    public func intervalTimerState() throws(Failure) -> [UInt8] {
        var state = kvm_pit_state2()
        try kvmCall(
            "cannot read the interval timer",
            unsafe ckvm_ioctl_pointer(descriptor.rawValue, ckvm_GET_PIT2, &state))
        let now = MonotonicTime.now()
        Self.keepRest(of: &state.channels.0, at: now)
        Self.keepRest(of: &state.channels.1, at: now)
        Self.keepRest(of: &state.channels.2, at: now)
        return unsafe withUnsafeBytes(of: state) { unsafe Array($0) }
    }

    /// Replaces the count of a counter in mode 0 or 4, which counts once, by what is left of it. KVM keeps
    /// the time at which it began, on the monotonic clock; the counter runs at 1,193,182 Hz.
    private static func keepRest(of channel: inout kvm_pit_channel_state, at now: MonotonicTime) {
        guard channel.mode == 0 || channel.mode == 4, channel.count > 1 else { return }
        let elapsed = now.nanoseconds.subtractingReportingOverflow(
            UInt64(bitPattern: channel.count_load_time))
        guard !elapsed.overflow else { return }
        // The longest count is 55 ms.
        let ticks = min(elapsed.partialValue, 100_000_000) * 1_193_182 / 1_000_000_000
        // A count that has passed ends at once.
        channel.count = UInt32(max(1, Int64(channel.count) - Int64(ticks)))
    }

    /// Creates the 8254 in a state that `intervalTimerState` returned (KVM_CREATE_PIT2, KVM_SET_PIT2). Throws
    /// if the state has the wrong size, or KVM refuses it.
    public func restoreIntervalTimer(_ state: [UInt8]) throws(Failure) {
        try createIntervalTimer()
        try KernelStructure.write(
            state, ckvm_SET_PIT2, kvm_pit_state2.self, to: descriptor.rawValue,
            "cannot restore the interval timer")
    }

    /// Selects the counter's mode and the bytes of its count that are written next (Intel 8254, "Control Word
    /// Format"). A word that only latches something changes nothing.
    private static func program(_ state: inout kvm_pit_state2, _ word: UInt8) {
        let access = word >> 4 & 3
        guard access != 0 else { return }
        switch word >> 6 {
        case 0: program(&state.channels.0, word, access)
        case 1: program(&state.channels.1, word, access)
        case 2: program(&state.channels.2, word, access)
        default: return
        }
    }

    private static func program(_ channel: inout kvm_pit_channel_state, _ word: UInt8, _ access: UInt8) {
        let mode = word >> 1 & 7
        // Modes 6 and 7 mean 2 and 3.
        channel.mode = mode > 5 ? mode - 4 : mode
        (channel.rw_mode, channel.read_state, channel.write_state) = (access, access, access)
        channel.bcd = word & 1
    }
}
