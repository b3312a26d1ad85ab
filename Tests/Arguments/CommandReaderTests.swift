import Arguments
import Host
import Testing

@Suite struct CommandReaderTests {
    private func read(_ words: [String]) throws(Failure) -> SampleCommand {
        var command = SampleCommand()
        #expect(try command.read(words[...], path: "tool start") == .run)
        return command
    }

    private func failure(_ words: [String]) -> Failure? {
        do throws(Failure) {
            _ = try read(words)
            return nil
        } catch { return error }
    }

    @Test func everyFormOfAnOptionIsRead() throws {
        var expected = SampleCommand()
        expected.operands = ["image"]
        expected.isInteractive = true
        expected.hasTerminal = true
        expected.environment = ["A=B"]
        for words in [
            ["-i", "-t", "-e", "A=B"], ["-it", "-eA=B"], ["-ite", "A=B"], ["-iteA=B"], ["-ti", "-e=A=B"],
            ["--interactive", "--tty", "--env", "A=B"], ["--tty=true", "--interactive=1", "--env=A=B"],
            ["-i=true", "-it", "--env=A=B"], ["--no-init", "--no-init=false", "-it", "--env", "A=B"],
        ] { #expect(try read(words + ["image"]) == expected, "\(words)") }
    }

    @Test func valuesOfEachTypeAreStored() throws {
        let words = [
            "--no-init", "-c", "7", "--colour=green", "--kernel", "k", "--name", "-x", "-e", "-i", "--env=",
            "-",
        ]
        let command = try read(words)
        #expect(!command.isInit && command.count == 7 && command.colour == .green && command.kernel == "k")
        #expect(command.name == "-x" && command.environment == ["-i", ""] && command.operands == ["-"])
        #expect(try read(["-h", "one", "-htwo", "image"]).name == "two", "the last value counts")
    }

    @Test func operandsEndTheOptions() throws {
        #expect(try read(["-i", "image", "-t", "--", "x"]).operands == ["image", "-t", "--", "x"])
        #expect(try read(["--", "-i", "--"]).operands == ["-i", "--"])
    }

    @Test func optionsMayFollowOperands() throws {
        var command = ListCommand()
        #expect(try command.read(["a", "-q", "b"], path: "tool image list") == .run)
        #expect(command.isQuiet && command.names == ["a", "b"])
    }

    @Test(
        arguments: [
            (["--help"], .help), (["-it", "--help"], .help), (["--version"], .version),
            (["-i", "image", "--help"], .run),
        ] as [([String], CommandRequest)])
    func helpAndVersionAreRequests(words: [String], request: CommandRequest) throws {
        var command = SampleCommand()
        #expect(try command.read(words[...], path: "tool start") == request)
        var list = ListCommand()
        #expect(try list.read(["-h"], path: "tool image list") == .help, "where no option has that letter")
    }

    @Test(
        arguments: [
            ([], "missing argument IMAGE: usage: tool start [OPTION]... IMAGE [COMMAND]..."),
            (["-it"], "missing argument IMAGE"), (["", "x"], "missing argument IMAGE"),
            (["--nonsense", "image"], "unknown option --nonsense: tool start --help lists the options"),
            (["-x", "image"], "unknown option -x: "), (["-ix", "image"], "unknown option -x: "),
            (["---tty", "image"], "unknown option ---tty"), (["--=x", "image"], "unknown option --: "),
            (["-e"], "missing value for -e: nothing follows it"), (["--count"], "missing value for --count"),
            (["--count", "x", "image"], "invalid value 'x' for --count: not a number"),
            (["-c99999999999999999999", "image"], "invalid value '99999999999999999999' for -c"),
            (["--colour", "blue", "image"], "invalid value 'blue' for --colour: not one of red, green"),
            (["--tty=maybe", "image"], "invalid value 'maybe' for --tty: not true or false"),
            (["-it=maybe", "image"], "invalid value 'maybe' for -t: not true or false"),
            (["--kernel", "--tty", "image"], "missing value for --kernel: --tty follows it"),
            (["--intractive", "image"], "unknown option --intractive: did you mean --interactive?"),
            (["--evn", "A=B", "image"], "did you mean --env?"), (["--hepl"], "did you mean --help?"),
            (["--netwrok", "none"], "did you mean --network?"),
        ])
    func mistakesAreNamed(words: [String], text: String) {
        let failure = failure(words)
        #expect(
            failure?.kind == .usage && failure?.description.hasPrefix("\(text)") == true
                || failure?.description.contains(text) == true, "\(words): \(failure.debugDescription)")
    }

    @Test func tooManyOperandsAreRefused() {
        var command = ListCommand()
        let failure = #expect(throws: Failure.self) {
            try command.read(["a", "b", "c"], path: "tool image list")
        }
        #expect(failure?.what == "unexpected argument 'c'")
    }

    @Test(arguments: [
        ["--network", "none"], ["--network=none"], ["-nnone"], ["--detach=false"], ["-d=false"], ["-itd=f"],
        ["--proxy"], ["--proxy=true"], ["--annotation", "x"], ["--timeout", "5"], ["--calm"],
        ["--calm=false"],
    ])
    func foreignOptionsWithoutEffectAreAccepted(words: [String]) throws {
        var expected = SampleCommand()
        expected.operands = ["image"]
        if words == ["-itd=f"] { (expected.isInteractive, expected.hasTerminal) = (true, true) }
        #expect(try read(words + ["image"]) == expected)
    }

    @Test(
        arguments: [
            (["--network", "host"], "--network host is not supported yet: there is none"),
            (["-n=host"], "--network host is not supported yet"),
            (["-p80:80"], "--publish is not supported yet"),
            (["-itd"], "--detach is not supported yet"), (["--proxy=false"], "--proxy is not supported yet"),
            (["--timeout", "x"], "invalid value 'x' for --timeout: not a number"),
            (["--calm=x"], "invalid value 'x' for --calm"),
            (["--annotation"], "missing value for --annotation"),
        ])
    func foreignOptionsAreRefusedWithAReason(words: [String], text: String) {
        #expect(failure(words + (words.count > 1 ? ["image"] : []))?.description.hasPrefix(text) == true)
    }

    @Test(
        arguments: [
            (["frobnicate"], "unknown command 'frobnicate': tool has no such command\n  tool --help"),
            (["begin"], "unknown command 'begin': tool has no such command\n  Write `tool start IMAGE`."),
            (["imgae"], "unknown command 'imgae': did you mean image?"),
            (["image", "x"], "unknown command 'x': tool image has no such command\n  tool image --help"),
            (["help", "image", "x"], "unknown command 'x': tool image has no such command"),
            (["image", "help"], "unknown command 'help'"), (["--loud"], "unknown option --loud: tool --help"),
            (["image", "ls", "-q", "a"], "ran: ListCommand(isQuiet: true, names: [\"a\"])"),
        ])
    func commandsAreFound(words: [String], text: String) throws {
        let failure = #expect(throws: Failure.self) { try SampleProgram.start(words[...], version: "1.2") }
        #expect(failure?.description.hasPrefix(text) == true, "\(failure!)")
    }
}
