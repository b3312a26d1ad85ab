public import Host

/// What a command line asks for.
public enum CommandRequest: Sendable {
    case run, help, version
}

extension CommandDeclaration {
    /// Reads `words`, which follow the command `path`, such as "vmm run", into the values.
    public mutating func read(
        _ words: ArraySlice<String>, path: String
    ) throws(Failure) -> CommandRequest {
        var options = Options(reading: words, of: path, Self.operands)
        while options.scan.next() {
            declare(&options)
            if !options.scan.isFound {
                if options.scan.isHelp { return .help }
                if options.scan.isVersion { return .version }
                declareForeign(&options)
            }
            if let failure = options.failure { throw failure }
            guard options.scan.isFound else {
                throw CommandRefusal.unknown(options.scan.written, among: Self.options, path)
            }
        }
        let operands = options.scan.operands
        try CommandRefusal.check(operands, Self.operands, synopsis: { Self.synopsis(path) }, path)
        take(operands)
        return .run
    }

    /// Makes the failure of a command line that lacks something that only the command can miss, such as
    /// "option --kernel".
    public static func missing(_ what: String, path: String) -> Failure {
        CommandRefusal.missing(what, synopsis: synopsis(path), path)
    }

    /// All options, those of other programs included.
    static var options: [OptionDescription] {
        var (values, options) = (Self(), Options())
        values.declare(&options)
        options.group("")
        values.declareForeign(&options)
        return options.listed
    }
}

extension Command {
    /// Runs the command that `words` call, which follow the command `path`. `version` is what `--version`
    /// prints.
    public static func start(
        _ words: ArraySlice<String>, path: String = Self.commandName, version: String
    ) throws(Failure) {
        if let word = words.first, !word.isOption {
            var commands = Subcommands(wanted: word)
            declare(&commands)
            if let command = commands.found {
                return try command.start(
                    words.dropFirst(), path: "\(path) \(command.commandName)", version: version)
            }
            if !commands.isEmpty {
                guard path == commandName, word == HelpCommand.commandName else {
                    throw unknownCommand(word, path)
                }
                return try HelpCommand.answer(words.dropFirst(), for: Self.self, version: version)
            }
        }
        var values = Self()
        switch try values.read(words, path: path) {
        case .version: try StandardOutput.write(version + "\n")
        case .help: try StandardOutput.write(HelpText.of(description(path)))
        case .run where isGroup:
            try StandardOutput.write(HelpText.of(description(path)))
        case .run: try values.run()
        }
    }

    /// Makes the failure of a word that names no command below `path`.
    static func unknownCommand(_ word: String, _ path: String) -> Failure {
        let why = "\(path) has no such command"
        if let line = equivalent(of: word) {
            return Failure(.usage, "unknown command '\(word)'", because: why, cure: "Write `\(line)`.")
        }
        let names = description(path).shownCommands.map(\.name)
        let cure = "\(path) --help lists the commands."
        guard let near = NearestName.of(word, among: names) else {
            return Failure(.usage, "unknown command '\(word)'", because: why, cure: cure)
        }
        return Failure(.usage, "unknown command '\(word)'", because: "did you mean \(near)?", cure: cure)
    }
}

/// The refusals of command lines.
enum CommandRefusal {
    /// The advice at the end of a refusal.
    static func cure(_ path: String) -> String { "\(path) --help lists the options." }

    /// Makes the failure of an unknown option. It suggests the nearest known name, if one is near enough.
    static func unknown(_ option: String, among known: [OptionDescription], _ path: String) -> Failure {
        let name = String(option.drop { $0 == "-" })
        let names = known.map(\.name) + ["help", "version"]
        guard option.hasPrefix("--"), let near = NearestName.of(name, among: names) else {
            return Failure(.usage, "unknown option \(option)", because: String(cure(path).dropLast()))
        }
        return Failure(
            .usage, "unknown option \(option)", because: "did you mean --\(near)?", cure: cure(path))
    }

    static func missing(_ what: String, synopsis: String, _ path: String) -> Failure {
        Failure(.usage, "missing \(what)", because: "usage: \(synopsis)", cure: cure(path))
    }

    /// Refuses too few and too many operands. A required operand is not empty.
    static func check(
        _ operands: [String], _ expected: Operands, synopsis: () -> String, _ path: String
    ) throws(Failure) {
        let required = operands.prefix(expected.count.lowerBound)
        if required.count < expected.count.lowerBound || required.contains(where: \.isEmpty) {
            let name = expected.synopsis.prefix { $0 != " " && $0 != "." }
            throw missing("argument \(name)", synopsis: synopsis(), path)
        }
        guard operands.count > expected.count.upperBound else { return }
        throw Failure(
            .usage, "unexpected argument '\(operands[expected.count.upperBound])'",
            because: "usage: \(synopsis())", cure: cure(path))
    }
}
