import CHost
import SystemPackage

/// What a command prints for programs and people to read on.
public enum StandardOutput {
    private static let descriptor: Int32 = 1

    /// Writes all of `text`. Where nobody reads any more, the process ends by SIGPIPE without a word, as every filter does.
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
            case let cause: throw Failure(.output, "cannot write standard output", errno: cause)
            }
        }
    }

    /// Somebody else who has the descriptor too has made it one that does not block.
    private static func waitForRoom() {
        var polled = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&polled, 1, -1)
    }

    /// Colours only on a terminal, and never with NO_COLOR.
    public static var takesColour: Bool { Terminal.isTerminal(descriptor) && !Environment.has("NO_COLOR") }
}
