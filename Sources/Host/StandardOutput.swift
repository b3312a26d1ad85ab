import CHost
import SystemPackage

/// Standard output: results of a command, for programs and people.
public enum StandardOutput {
    private static let descriptor: Int32 = 1

    /// Writes all of `text`. If the reader is gone, the process ends by SIGPIPE without a message, as every
    /// filter does.
    public static func write(_ text: String) throws(Failure) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe CHost.write(descriptor, $0.baseAddress, $0.count)
            }
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch Errno.current {
            case .interrupted: continue
            case .wouldBlock: waitForRoom()
            case .brokenPipe: ThisProcess.end(by: SIGPIPE)
            case let cause: throw Failure(.output, "cannot write to standard output", errno: cause)
            }
        }
    }

    /// Waits until standard output is writable. Another process that shares the descriptor may have made it
    /// non-blocking.
    private static func waitForRoom() {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&polled, 1, -1)
    }

    /// Whether output may have colours: only on a terminal, and never if NO_COLOR is set.
    public static var takesColour: Bool { Terminal.isTerminal(descriptor) && !Environment.has("NO_COLOR") }
}
