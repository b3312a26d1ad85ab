import CHost

/// Standard error: messages for the user, apart from the guest's output.
///
/// A reader that has stopped delays a caller by a bounded time only: messages that it does not read are
/// dropped and counted, and the count is written once it reads again.
public enum StandardError {
    private static let descriptor: Int32 = 2
    /// The time in milliseconds that a reader may make no progress.
    private static let timeoutMilliseconds: Int32 = 1000
    private static let queue = MessageQueue { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe CHost.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, chost_errno() == EINTR || chost_errno() == EAGAIN {
                _ = waitUntilWritable(descriptor)
            } else if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                return
            }
        }
    }

    /// Writes `text` after the posted messages. Waits for a slow reader and gives up on a reader that has
    /// stopped.
    public static func write(_ text: String) {
        guard queue.drain(timeout: timeoutMilliseconds) else { return queue.drop(1) }
        var rest = (queue.takeNotice() + forTerminal(text))[...]
        while !rest.isEmpty {
            // A pipe that polls as writable takes a page without blocking.
            guard waitUntilWritable(descriptor, milliseconds: timeoutMilliseconds) else {
                return queue.drop(1)
            }
            let count = unsafe rest.prefix(4096).withUnsafeBytes {
                unsafe CHost.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, chost_errno() == EINTR || chost_errno() == EAGAIN { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Queues `text` for a thread that writes it. Returns at once, on any thread, whether or not the reader
    /// reads.
    public static func post(_ text: String) {
        queue.append(forTerminal(text))
    }

    /// Waits until the posted messages are written, as long as the reader makes progress.
    static func flush() {
        _ = queue.drain(timeout: timeoutMilliseconds)
    }

    /// Returns the bytes of `text`, with a carriage return at each line's end if the terminal is raw.
    private static func forTerminal(_ text: String) -> [UInt8] {
        Array((Terminal.isRaw ? text.replacing("\n", with: "\r\n") : text).utf8)
    }
}
