import Host

/// Programs of the host that are asked for something; not what is measured.
struct Tool {
    let interruption: Interruption
    /// NAME=VALUE each.
    let environment: [String]

    /// How `words` went, a path and its arguments.
    func run(_ words: [String], input: Int32? = nil, seconds: Int = 120, more: [String] = []) throws(Failure) -> Outcome {
        var launch = Launch(words, environment: environment + more)
        launch.input = input
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

    /// What it wrote, or a failure with its own last words.
    @discardableResult
    func output(_ words: [String], doing what: String, seconds: Int = 600, more: [String] = []) throws(Failure) -> String {
        let outcome = try run(words, seconds: seconds, more: more)
        guard outcome.isSuccess else {
            throw Failure(.host, what, because: outcome.lastLine ?? "\(words[0]): \(outcome.ending)")
        }
        return outcome.output
    }
}

extension Outcome {
    /// The last line that is not empty of standard error, else of standard output.
    var lastLine: String? { error.lastLine ?? output.lastLine }
}

extension String {
    /// The last line that is not empty, without control characters, which a terminal would obey.
    var lastLine: String? {
        split(whereSeparator: \.isNewline).map { line in
            String(String.UnicodeScalarView(line.unicodeScalars.filter { $0 >= " " && $0 != "\u{7F}" }))
        }.last { line in line.contains { $0 != " " } }
    }

    /// At most `count` characters.
    func shortened(to count: Int) -> String {
        self.count <= count ? self : String(prefix(count - 3)) + "..."
    }
}

extension MonotonicTime {
    func adding(seconds: Double) -> MonotonicTime {
        MonotonicTime(nanoseconds: nanoseconds &+ UInt64(max(0, seconds) * 1e9))
    }
}
