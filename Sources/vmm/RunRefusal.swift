import Host

/// The reasons why `vmm run` refuses a command line.
enum RunRefusal {
    private static let help = "vmm run --help lists the options."

    static var noImage: Failure {
        Failure(
            .usage, "cannot run a container", because: "no image is named",
            cure: "Name one after the options; \(help)")
    }

    static func missingValue(_ option: String) -> Failure {
        Failure(.usage, "missing value for \(option)", because: "nothing follows it", cure: help)
    }

    /// Makes the failure of an unknown option. It suggests the nearest known name, if one is near enough.
    static func unknown(_ option: String) -> Failure {
        let name = option.drop { $0 == "-" }
        guard option.hasPrefix("--"), let near = NearestName.of(String(name), among: knownNames) else {
            return Failure(.usage, "unknown option \(option)", because: help.withoutStop)
        }
        return Failure(
            .usage, "unknown option \(option)", because: "did you mean --\(near)?", cure: help)
    }

    /// Every long name that `RunOptions.read` accepts.
    static var knownNames: [String] {
        RunFlag.allCases.map(\.rawValue) + RunOption.allCases.map(\.rawValue) + DockerOption.all.map(\.name)
    }

    /// Parses a flag's value as Go's strconv.ParseBool does; a flag without a value is true.
    static func truth(_ text: String?, of option: String) throws(Failure) -> Bool {
        switch text {
        case nil, "1", "t", "T", "true", "TRUE", "True": return true
        case "0", "f", "F", "false", "FALSE", "False": return false
        case let text?:
            throw Failure(
                .usage, "invalid value '\(text)' for \(option)", because: "not true or false", cure: help)
        }
    }
}

extension String {
    fileprivate var withoutStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
