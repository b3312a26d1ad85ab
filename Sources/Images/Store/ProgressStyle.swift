import Host

/// The form in which an import shows its progress on standard error.
public enum ProgressStyle: Hashable, Sendable {
    case silent
    /// One line that is overwritten.
    case line
    /// A line for each step.
    case plain

    /// A line on a terminal, and no output elsewhere.
    public static var automatic: ProgressStyle { Terminal.isTerminal(2) ? .line : .silent }
}
