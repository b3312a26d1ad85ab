import CHost
import SystemPackage

/// The terminal that the user sits at.
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

    /// What Ctrl-C is on a terminal that is raw (ASCII, ETX).
    public static let interruptKey: UInt8 = 3

    public static func isTerminal(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1
    }

    /// Sends every key to the guest from here on, Ctrl-C too. `restore` undoes it, and so does every signal that ends or stops
    /// the process.
    public static func makeRaw(_ descriptor: Int32) throws(Failure) {
        let result = chost_terminal_raw(descriptor)
        guard result == 0 else {
            throw Failure("cannot make the terminal raw", errno: Errno(rawValue: -result))
        }
    }

    /// Puts the terminal back as it was found; a second call does nothing. What nobody has read by then is dropped.
    public static func restore() {
        chost_terminal_restore()
    }

    /// Puts the terminal back at the end of a guest. Where the guest has written something that a terminal may answer (its
    /// position, its title, its kind), the answers are waited for and dropped: the user's shell would take them for typed.
    public static func leave() {
        if chost_terminal_may_answer() { dropAnswers() }
        restore()
    }

    /// Reads until the terminal has been silent for as long as an answer over a network takes.
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

    /// Stops the process as SIGTSTP does, with the terminal put back, and returns when it goes on.
    public static func stopProcess() {
        chost_stop_process()
        resume()
    }

    /// Makes the terminal raw again after a stop, unless the process is in the background.
    public static func resume() {
        _ = chost_terminal_resume()
    }

    /// Whether the terminal was put back for a stop and `resume` has not made it raw again.
    public static var isSuspended: Bool { chost_terminal_is_suspended() }

    /// Notes what is about to be written to the terminal, for `leave`.
    public static func note(output: UnsafeRawBufferPointer) {
        guard let start = output.baseAddress else { return }
        unsafe chost_terminal_note_output(start, output.count)
    }

    /// Whether `makeRaw` is in force.
    public static var isRaw: Bool { chost_terminal_is_raw() }

    /// The size of the terminal at `descriptor`, or nil where it is none or has none.
    public static func size(of descriptor: Int32) -> Size? {
        var size = Size(columns: 0, rows: 0)
        guard unsafe chost_window_size(descriptor, &size.columns, &size.rows) == 0, size.columns > 0 else {
            return nil
        }
        return size
    }
}
