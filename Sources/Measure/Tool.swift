import Glibc
public import Host

/// Runs programs of the host that support the comparison and are not measured.
public struct Tool {
    let interruption: Interruption
    /// The environment of the programs, as NAME=VALUE.
    public let environment: [String]

    public init(interruption: Interruption, environment: [String]) {
        self.interruption = interruption
        self.environment = environment
    }

    /// Runs `words`, a path and its arguments, and returns the outcome.
    public func run(_ words: [String], seconds: Int = 120, more: [String] = []) throws(Failure) -> Outcome {
        let launch = Launch(words, environment: environment + more)
        let batch = try Batch([launch], interruption: interruption)
        let begin = MonotonicTime.now()
        try batch.start(0, begin: begin)
        switch batch.wait(for: .ends, until: begin.adding(seconds: Double(seconds))) {
        case .reached: break
        case .outOfTime: batch.stop(.outOfTime)
        case .interrupted: batch.stop(.stopped)
        }
        return batch.outcomes()[0]
    }

    /// Runs `words` and returns their output. If they fail, throws a failure with their last line of output.
    @discardableResult
    public func output(
        _ words: [String], doing what: String, seconds: Int = 600, more: [String] = []
    ) throws(Failure) -> String {
        let outcome = try run(words, seconds: seconds, more: more)
        guard outcome.isSuccess else {
            throw Failure(.host, what, because: outcome.lastLine ?? "\(words[0]): \(outcome.ending)")
        }
        return outcome.output
    }
}

extension Outcome {
    /// The last non-empty line of standard error, or else of standard output.
    public var lastLine: String? { error.lastLine ?? output.lastLine }
}

extension String {
    /// The last non-empty line, without control characters, which a terminal would obey.
    var lastLine: String? {
        split(whereSeparator: \.isNewline).map { line in
            String(String.UnicodeScalarView(line.unicodeScalars.filter { $0 >= " " && $0 != "\u{7F}" }))
        }.last { line in line.contains { $0 != " " } }
    }

    /// Returns the string, cut to at most `count` characters.
    public func shortened(to count: Int) -> String {
        self.count <= count ? self : String(prefix(count - 3)) + "..."
    }
}

/// The directories that are searched for programs.
public struct SearchPath {
    private let directories: [String]

    /// Searches PATH, and the system directories that a user's PATH may leave out.
    public init(_ path: String) {
        let own = path.split(separator: ":").map(String.init).filter { $0.hasPrefix("/") }
        directories = own + ["/usr/local/sbin", "/usr/sbin", "/sbin"].filter { !own.contains($0) }
    }

    /// Returns the first executable called `name`.
    public func find(_ name: String) -> String? {
        directories.map { $0 + "/" + name }.first { path in
            unsafe FileStatus(of: path)?.isRegular == true && access(path, X_OK) == 0
        }
    }
}
