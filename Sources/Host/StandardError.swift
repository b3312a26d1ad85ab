import CHost
import Synchronization

/// Text for the user, beside what the guest prints.
///
/// A reader that has stopped holds nobody up for long: what it does not take is dropped and counted, and the count is written
/// once it reads again.
public enum StandardError {
    private static let descriptor: Int32 = 2
    /// How long a reader may make no progress, in milliseconds.
    private static let patience: Int32 = 1000
    private static let queue = MessageQueue { bytes in
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe CHost.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, chost_errno() == EINTR || chost_errno() == EAGAIN {
                _ = isWritable(milliseconds: -1)
            } else if count > 0 {
                rest = rest.dropFirst(count)
            } else {
                return
            }
        }
    }

    /// Writes `text`, after what was posted. It waits for a slow reader, and gives up on one that has stopped.
    public static func write(_ text: String) {
        guard queue.drain(patience: patience) else { return queue.drop(1) }
        var rest = (queue.takeNotice() + forTerminal(text))[...]
        while !rest.isEmpty {
            // What polls as writable takes a page without blocking, if it is a pipe.
            guard isWritable(milliseconds: patience) else { return queue.drop(1) }
            let count = unsafe rest.prefix(4096).withUnsafeBytes {
                unsafe CHost.write(descriptor, $0.baseAddress, $0.count)
            }
            if count < 0, chost_errno() == EINTR || chost_errno() == EAGAIN { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Has a thread write `text`, and returns at once, whoever calls and whether or not somebody reads.
    public static func post(_ text: String) {
        queue.append(forTerminal(text))
    }

    /// Waits until what was posted is written, as long as somebody reads.
    static func flush() {
        _ = queue.drain(patience: patience)
    }

    /// The bytes with lines that end as the terminal wants it: a raw one does not return the carriage by itself.
    private static func forTerminal(_ text: String) -> [UInt8] {
        Array((Terminal.isRaw ? text.replacing("\n", with: "\r\n") : text).utf8)
    }

    private static func isWritable(milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        while true {
            let count = unsafe poll(&polled, 1, milliseconds)
            if count >= 0 || chost_errno() != EINTR { return count != 0 }
        }
    }
}
