import Devices
import Synchronization

/// The last output of a guest's serial console, kept in memory instead of being printed.
final class ConsoleTail: SerialOutput {
    /// The number of bytes that are kept.
    static let byteCount = 16 << 10

    private struct State {
        var bytes: [UInt8] = []
        /// The index of the oldest byte, which the next byte overwrites when `byteCount` bytes are kept.
        var oldest = 0
    }

    private let state = Mutex(State())

    func writeWaiting(_ byte: UInt8) {
        state.withLock { state in
            if state.bytes.count < Self.byteCount {
                state.bytes.append(byte)
            } else {
                state.bytes[state.oldest] = byte
                state.oldest = (state.oldest + 1) % Self.byteCount
            }
        }
    }

    /// The bytes that are kept, oldest first.
    var bytes: [UInt8] {
        state.withLock { Array($0.bytes[$0.oldest...] + $0.bytes[..<$0.oldest]) }
    }
}
