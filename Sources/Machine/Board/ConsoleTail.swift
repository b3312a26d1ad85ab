import Devices
import Synchronization

/// The last words of a guest's console, kept in memory instead of being printed.
final class ConsoleTail: SerialOutput {
    /// How many bytes are kept.
    static let byteCount = 16 << 10

    private struct State {
        var bytes: [UInt8] = []
        /// Where the oldest byte is, and the next one goes, once there are `byteCount`.
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

    /// What is kept, oldest first.
    var bytes: [UInt8] {
        state.withLock { Array($0.bytes[$0.oldest...] + $0.bytes[..<$0.oldest]) }
    }
}
