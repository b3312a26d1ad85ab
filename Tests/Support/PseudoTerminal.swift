import CHost
import Foundation

/// A terminal whose user is the test. The test types at `user` and reads the program's output there.
public final class PseudoTerminal: @unchecked Sendable {
    /// The user's side.
    public let user: Int32
    /// The program's side, which is a terminal.
    public let program: Int32
    /// The path of the program's side, for other processes.
    public let path: String
    private let lock = NSLock()
    private var seen: [UInt8] = []

    public init(columns: UInt16 = 80, rows: UInt16 = 24) throws {
        var (user, program): (Int32, Int32) = (-1, -1)
        var name = [CChar](repeating: 0, count: 64)
        let isMade = ChildProcess.inheritance.withLock {
            guard unsafe openpty(&user, &program, nil, nil, nil) == 0 else { return false }
            return [user, program].allSatisfy { fcntl($0, F_SETFD, FD_CLOEXEC) == 0 }
        }
        guard isMade, unsafe ttyname_r(program, &name, name.count) == 0 else {
            throw CocoaError(.fileReadUnknown)
        }
        (self.user, self.program) = (user, program)
        path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        _ = fcntl(user, F_SETFL, O_NONBLOCK)
        resize(columns: columns, rows: rows)
    }

    /// The settings of the terminal that raw mode changes.
    public struct Mode: Hashable, Sendable {
        public let input, output, control, local: UInt32

        /// Whether every key reaches the program unchanged.
        public var isRaw: Bool { local & UInt32(ICANON | ECHO | ISIG) == 0 && output & UInt32(OPOST) == 0 }
    }

    public var mode: Mode {
        var settings = termios()
        unsafe tcgetattr(program, &settings)
        return Mode(
            input: settings.c_iflag, output: settings.c_oflag, control: settings.c_cflag,
            local: settings.c_lflag)
    }

    public func resize(columns: UInt16, rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = unsafe ioctl(user, UInt(TIOCSWINSZ), &size)
    }

    public func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe write(user, bytes, bytes.count)
    }

    /// Returns everything that has been shown so far.
    public func shown() -> String {
        lock.withLock {
            var piece = [UInt8](repeating: 0, count: 4096)
            while true {
                let count = unsafe read(user, &piece, piece.count)
                guard count > 0 else { break }
                seen += piece.prefix(count)
            }
            return String(decoding: seen, as: UTF8.self)
        }
    }

    /// Waits until the output contains `text`.
    public func waitFor(_ text: String) throws {
        try eventually("'\(text)' on the terminal, which shows: \(shown())") { shown().contains(text) }
    }

    deinit {
        close(user)
        close(program)
    }
}
