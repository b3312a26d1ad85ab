import CHost
import SystemPackage

/// The user's terminal.
public enum Terminal {
    /// Columns and rows, as virtio-console and TIOCSWINSZ count them.
    public struct Size: Hashable, Sendable {
        public var columns: UInt16
        public var rows: UInt16

        public init(columns: UInt16, rows: UInt16) {
            self.columns = columns
            self.rows = rows
        }
    }

    /// The byte that a raw terminal sends for Ctrl-C (ASCII, ETX).
    public static let interruptKey: UInt8 = 3

    public static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1
    }

    /// Makes the terminal raw: from now on every key goes to the guest, Ctrl-C too. `restore` undoes it, and
    /// so does every signal that ends or stops the process.
    public static func makeRaw(_ descriptor: Int32) throws(Failure) {
        let result = chost_terminal_raw(descriptor)
        guard result == 0 else {
            throw Failure("cannot make the terminal raw", errno: Errno(rawValue: -result))
        }
    }

    /// Restores the terminal's original settings and drops unread input. A second call does nothing.
    public static func restore() {
        chost_terminal_restore()
    }

    /// Restores the terminal at the end of a guest. If the guest has sent a request that the terminal answers
    /// (its position, its title, its kind), waits for the answers and drops them: the user's shell would take
    /// them for typed input.
    public static func leave() {
        if chost_terminal_may_answer() { dropAnswers() }
        restore()
    }

    /// Reads and drops input until the terminal has been silent for 50 ms, the time of an answer over a
    /// network, or for 250 ms in all.
    private static func dropAnswers() {
        let (silence, limit): (Int32, UInt64) = (50, 250_000_000)
        let start = MonotonicTime.now()
        var polled = pollfd(fd: chost_terminal_descriptor(), events: Int16(POLLIN), revents: 0)
        var bytes = InlineArray<256, UInt8>(repeating: 0)
        while unsafe poll(&polled, 1, silence) > 0,
            MonotonicTime.now().nanoseconds &- start.nanoseconds < limit
        {
            var span = bytes.mutableSpan
            let count = unsafe span.withUnsafeMutableBytes {
                unsafe read(polled.fd, $0.baseAddress, $0.count)
            }
            if count <= 0 { return }
        }
    }

    /// Restores the terminal and stops the process, as SIGTSTP does. Returns when the process continues.
    public static func stopProcess() {
        chost_stop_process()
        resume()
    }

    /// Makes the terminal raw again after a stop, unless the process is in the background.
    public static func resume() {
        _ = chost_terminal_resume()
    }

    /// Whether the terminal was restored for a stop and `resume` has not made it raw again.
    public static var isSuspended: Bool { chost_terminal_is_suspended() }

    /// Records output that is about to be written to the terminal, for `leave`.
    public static func note(output: UnsafeRawBufferPointer) {
        guard let start = output.baseAddress else { return }
        unsafe chost_terminal_note_output(start, output.count)
    }

    /// Whether `makeRaw` is in force.
    public static var isRaw: Bool { chost_terminal_is_raw() }

    /// Returns the size of the terminal at `descriptor`, or nil if it is no terminal or has no size.
    public static func size(of descriptor: Int32) -> Size? {
        var size = Size(columns: 0, rows: 0)
        guard unsafe chost_window_size(descriptor, &size.columns, &size.rows) == 0, size.columns > 0 else {
            return nil
        }
        return size
    }
}
