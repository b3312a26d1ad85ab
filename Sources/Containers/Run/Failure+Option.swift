import Host

extension Failure {
    /// The failure of a value that an option cannot have: "invalid value 'x' for --pids-limit: not a number".
    static func invalid(
        _ value: some StringProtocol, for option: String, because why: String, cure: String? = nil
    ) -> Failure {
        Failure(.usage, "invalid value '\(value)' for \(option)", because: why, cure: cure)
    }
}
