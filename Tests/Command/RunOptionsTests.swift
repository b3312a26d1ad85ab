import Containers
import Host
import Template
import TestSupport
import Testing

@testable import Arguments
@testable import vmm

/// `vmm run` reads its command line as docker does.
@Suite struct RunOptionsTests {
    private typealias Change = @Sendable (inout RunOptions) -> Void

    static func read(_ words: [String]) throws(Failure) -> RunOptions {
        var options = RunOptions()
        #expect(try options.read(words[...], path: "vmm run") == .run)
        return options
    }

    private func expect(
        _ words: [String], at location: SourceLocation = #_sourceLocation, _ change: Change
    ) throws {
        var expected = RunOptions()
        expected.image = "image"
        change(&expected)
        #expect(try Self.read(words) == expected, "\(words)", sourceLocation: location)
    }

    @Test func theTemplatePolicyIsTheOptionsOrNone() throws {
        try expect(["--template", "require", "image"]) { $0.template = .require }
        try expect(["--template=never", "image"]) { $0.template = .never }
        try expect(["--template", "auto", "image"]) { $0.template = .auto }
        try expect(["image"]) { $0.template = nil }
    }

    @Test func everythingAfterTheImageIsTheCommand() throws {
        try expect(["image"]) { _ in }
        try expect(["image", "sh", "-c", "exit 3", "--help", "--", "-it"]) {
            $0.command = ["sh", "-c", "exit 3", "--help", "--", "-it"]
        }
        try expect(["--", "image", "--", "x"]) { $0.command = ["--", "x"] }
        try expect(["-", "x"]) {
            $0.image = "-"
            $0.command = ["x"]
        }
        try expect(["--entrypoint", "", "image", ""]) {
            $0.entrypoint = ""
            $0.command = [""]
        }
    }

    @Test func flagsAreReadAloneAndTogether() throws {
        for words in [["-i", "-t"], ["-it"], ["-ti", "--rm", "--init"], ["--tty=true", "-i=1"]] {
            try expect(words + ["image"]) { ($0.isInteractive, $0.hasTerminal) = (true, true) }
        }
        try expect(["-it=false", "image"]) { $0.isInteractive = true }
        try expect(["--read-only", "-q", "--privileged", "image"]) {
            ($0.isReadOnly, $0.isQuiet, $0.isPrivileged) = (true, true, true)
        }
        try expect(["--init=false", "image"]) { $0.runsAsInit = true }
        try expect(["--allow-emulation", "--allow-outside-root", "--no-init", "image"]) {
            ($0.allowsEmulation, $0.allowsOutsideRoot, $0.runsAsInit) = (true, true, true)
        }
    }

    @Test func valuesFollowTheirOptionOrAreJoinedToIt() throws {
        try expect(["-e", "A=B", "--env", "C=D", "--env=E=F", "-ite", "I=-J", "image", "env"]) {
            $0.environment = ["A=B", "C=D", "E=F", "I=-J"]
            ($0.isInteractive, $0.hasTerminal, $0.command) = (true, true, ["env"])
        }
        try expect(["-eA=B", "-e=E=F", "--entrypoint=", "-m=1g", "-iteC=D", "image"]) {
            ($0.environment, $0.entrypoint, $0.memory) = (["A=B", "E=F", "C=D"], "", "1g")
            ($0.isInteractive, $0.hasTerminal) = (true, true)
        }
        try expect(["-m512m", "-w/x", "-uroot", "image"]) {
            ($0.memory, $0.workingDirectory, $0.user) = ("512m", "/x", "root")
        }
        try expect(["-itu", "1000", "-it=false", "image"]) { ($0.isInteractive, $0.user) = (true, "1000") }
        try expect(["-e", "-i", "image"]) { $0.environment = ["-i"] }
        try expect(["--name", "one", "--name", "two", "image"]) { $0.name = "two" }
        try expect(["--pids-limit=-1", "--append", "-x y", "image"]) {
            ($0.processLimit, $0.append) = ("-1", "-x y")
        }
    }

    /// Every option sets a variable of its own, in both of its forms, and every variable has an option.
    @Test func everyOptionHasADestinationOfItsOwn() throws {
        let usual = try Self.read(["image"])
        var setBy: [String: String] = [:]
        for option in RunOptions.options where option.support == .full {
            if ["rm", "init"].contains(option.name) { continue }
            let value = Self.sample(option)
            let forms = value.map { [["--" + option.name, $0], ["--\(option.name)=\($0)"]] }
            let all = try (forms ?? [["--" + option.name], ["--\(option.name)=1"]]).map {
                try Self.read($0 + ["image"])
            }
            #expect(all[0] == all[1], "\(option.name)")
            if let letter = option.letter {
                #expect(try Self.read(["-\(letter)\(value ?? "")", "image"]) == all[0], "-\(letter)")
            }
            let changed = Self.variables(all[0]).filter { Self.variables(usual)[$0.key] != $0.value }.map(
                \.key)
            try #require(changed.count == 1, "--\(option.name) sets \(changed)")
            #expect(setBy.updateValue(option.name, forKey: changed[0]) == nil, "\(changed[0])")
        }
        let all = Set(Self.variables(usual).keys).subtracting(["image", "command"])
        #expect(Set(setBy.keys) == all)
    }

    /// A value that the option accepts and that is not its default; nil for a flag.
    static func sample(_ option: OptionDescription) -> String? {
        if case .words(_, let words) = option.value { return words.last }
        return option.value == nil ? nil : "7"
    }

    static func variables(_ options: Any) -> [String: String] {
        let pairs = Mirror(reflecting: options).children.compactMap { child in
            child.label.map { ($0, "\(child.value)") }
        }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    @Test(
        arguments: [
            ([], "missing argument IMAGE: usage: vmm run [OPTION]... IMAGE [COMMAND [ARGUMENT]...]"),
            (["-it"], "missing argument IMAGE"), (["", "x"], "missing argument IMAGE"),
            (["--"], "missing argument IMAGE"), (["--name=n"], "missing argument IMAGE"),
            (["--nonsense", "image"], "unknown option --nonsense: vmm run --help"),
            (["-x", "image"], "unknown option -x"), (["-ix", "image"], "unknown option -x"),
            (["---rm", "image"], "unknown option ---rm"), (["--=x", "image"], "unknown option --: "),
            (["-e"], "missing value for -e"), (["--memory"], "missing value for --memory"),
            (["-h"], "missing value for -h"), (["--tty=maybe", "image"], "invalid value 'maybe' for --tty"),
            (
                ["--pull", "often", "x"],
                "invalid value 'often' for --pull: not one of missing, always, never"
            ),
            (
                ["--template", "sometimes", "x"],
                "invalid value 'sometimes' for --template: not one of auto, never, require"
            ),
            (["--log-level=loud", "x"], "invalid value 'loud' for --log-level: not one of trace, debug"),
            (["--env-file", "--rm", "image"], "missing value for --env-file: --rm follows it"),
            (["--intractive", "image"], "did you mean --interactive?"),
            (["--memroy", "1g", "image"], "unknown option --memroy: did you mean --memory?"),
            (["--evn", "A=B", "image"], "did you mean --env?"),
            (["--volum", "/a"], "did you mean --volume?"),
            (["--privilege", "image"], "did you mean --privileged?"),
        ])
    func mistakesAreNamed(words: [String], text: String) throws {
        let failure = #expect(throws: Failure.self) { try Self.read(words) }
        #expect(failure?.kind == .usage && failure?.description.contains(text) == true, "\(failure!)")
    }

    @Test(arguments: [["--help"], ["-it", "--help"], ["-e", "A", "--help"]])
    func helpIsARequest(words: [String]) throws {
        var options = RunOptions()
        #expect(try options.read(words[...], path: "vmm run") == .help)
        #expect(try options.read(["--version"], path: "vmm run") == .version)
    }

    @Test("a mistake of the command line ends with 125, as docker's do")
    func status() throws {
        for words in [["--nonsense", "image"], ["-v", "/a:/b", "image"], ["-p80:80"], ["-e"], []] {
            let run = try ProgramRun([Monitor.program, "run"] + words)
            #expect(run.status == 125 && run.error.hasPrefix("vmm: "), "\(words): \(run)")
        }
        #expect(try Monitor.run("run", "--help").status == 0)
    }
}
