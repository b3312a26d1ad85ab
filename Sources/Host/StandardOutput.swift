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
            case .wouldBlock: _ = waitUntilWritable(descriptor)
            case .brokenPipe: ThisProcess.end(by: SIGPIPE)
            case let cause: throw Failure(.output, "cannot write to standard output", errno: cause)
            }
        }
    }

    /// Whether output may have colours: only on a terminal, and never if NO_COLOR is set.
    public static var takesColour: Bool { Terminal.isTerminal(descriptor) && !Environment.has("NO_COLOR") }
}

/// The three descriptors that every program is started with.
public enum StandardDescriptors {
    /// Opens /dev/null for each standard descriptor that is closed. Otherwise the next file to be opened gets
    /// the number, and messages for the user are written into that file. Call it before anything else opens a
    /// file.
    public static func openMissing() throws(Failure) {
        let result = chost_open_standard_descriptors()
        guard result == 0 else {
            throw Failure(
                "cannot open /dev/null for a standard descriptor that is closed",
                errno: Errno(rawValue: -result))
        }
    }
}
