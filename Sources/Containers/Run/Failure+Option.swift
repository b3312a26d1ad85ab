import Host

extension Failure {
    /// Makes the failure of an invalid value of an option: "invalid value 'x' for --pids-limit: not a
    /// number".
    static func invalid(
        _ value: some StringProtocol, for option: String, because why: String, cure: String? = nil
    ) -> Failure {
        Failure(.usage, "invalid value '\(value)' for \(option)", because: why, cure: cure)
    }
}
