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

    /// Every key goes to the guest from here on, Ctrl-C too. `restore` undoes it, and so does a fault of ours.
    public static func makeRaw(_ descriptor: Int32) throws(Failure) {
        let result = chost_terminal_raw(descriptor)
        guard result == 0 else {
            throw Failure("cannot make the terminal raw", errno: Errno(rawValue: -result))
        }
    }

    /// Puts the terminal back as it was found; a second call does nothing.
    public static func restore() {
        chost_terminal_restore()
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
