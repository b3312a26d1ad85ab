/// A command line that starts one instance of a path.
public struct Launch: Hashable, Sendable {
    /// The program's path, not looked for anywhere, and its arguments.
    public var words: [String]
    /// NAME=VALUE each; all that the process gets.
    public var environment: [String]
    /// The root of the process, which the program is then seen from; nil for this host's.
    public var root: String?
    /// Where it starts; nil to stay.
    public var directory: String?
    public var user: Int64?
    public var group: Int64?
    /// A descriptor that is its standard input; /dev/null where there is none.
    public var input: Int32?

    public init(_ words: [String], environment: [String]) {
        self.words = words
        self.environment = environment
    }
}
