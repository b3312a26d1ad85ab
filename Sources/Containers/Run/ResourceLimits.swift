import AgentProtocol
import Host

extension ProcessSpecification.ResourceLimit {
    /// The names of the limits, indexed by their RLIMIT_ numbers of x86-64.
    private static let names = [
        "cpu", "fsize", "data", "stack", "core", "rss", "nproc", "nofile", "memlock", "as", "locks",
        "sigpending", "msgqueue", "nice", "rtprio", "rttime",
    ]

    /// Parses docker's `--ulimit`: NAME=SOFT[:HARD]. -1 means no limit; a missing hard limit equals the soft
    /// one.
    init(parsing text: String) throws(Failure) {
        let words = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = Self.number(of: words[0]) else {
            throw Self.bad(text, "unknown limit '\(words[0])'")
        }
        let values = words.count == 2 ? words[1].split(separator: ":", omittingEmptySubsequences: false) : []
        guard (1...2).contains(values.count), let soft = Self.value(values[0]),
            let hard = Self.value(values[values.count - 1])
        else { throw Self.bad(text, "not a number") }
        guard soft <= hard else { throw Self.bad(text, "the soft limit exceeds the hard limit") }
        self.init(resource: number, soft: soft, hard: hard)
    }

    static func number(of name: Substring) -> UInt8? {
        names.firstIndex { $0 == name }.map { UInt8($0) }
    }

    private static func value(_ text: Substring) -> UInt64? {
        text == "-1" || text == "unlimited" ? .max : UInt64(text)
    }

    private static func bad(_ text: String, _ why: String) -> Failure {
        .invalid(
            text, for: "--ulimit", because: why,
            cure: "Write NAME=SOFT[:HARD], as in --ulimit nofile=1024:4096.")
    }
}

extension ProcessSpecification.ResourceLimit {
    /// The limits that docker's containers have: open files, processes and pending signals. The kernel would
    /// derive the last two from the guest's memory. A larger soft limit of open files slows down programs
    /// that close every possible descriptor.
    static let usual = [
        Self(resource: 7, soft: 1024, hard: 1 << 20),
        Self(resource: 6, soft: .max, hard: .max),
        Self(resource: 11, soft: 65536, hard: 65536),
    ]
}
