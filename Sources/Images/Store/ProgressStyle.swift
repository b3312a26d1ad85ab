import Host

/// How an import tells on standard error how far it is.
public enum ProgressStyle: Hashable, Sendable {
    case silent
    /// One line that is written anew.
    case line
    /// A line for each step.
    case plain

    /// A line on a terminal, and nothing elsewhere.
    public static var automatic: ProgressStyle { Terminal.isTerminal(2) ? .line : .silent }
}
