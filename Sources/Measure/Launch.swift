/// A command line that starts one instance of a path.
public struct Launch: Hashable, Sendable {
    /// The program's absolute path, for which no directory is searched, and its arguments.
    public var words: [String]
    /// The complete environment of the process, as NAME=VALUE.
    public var environment: [String]
    /// The root directory of the process, in which the program's path is resolved; nil for the host's.
    public var root: String?
    /// The working directory; nil for this process's.
    public var directory: String?
    public var user: Int64?
    public var group: Int64?
    /// The descriptor of standard input; nil for /dev/null.
    public var input: Int32?
    public var output = Stream.captured
    public var error = Stream.captured

    /// The destination of standard output or standard error.
    public enum Stream: Hashable, Sendable {
        /// A pipe, whose last bytes are in the outcome.
        case captured
        /// /dev/null.
        case discarded
        /// An open file.
        case descriptor(Int32)
    }

    public init(_ words: [String], environment: [String]) {
        self.words = words
        self.environment = environment
    }
}
