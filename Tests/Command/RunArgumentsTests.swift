import ArgumentParser
import Containers
import Host
import TestSupport
import Testing

@testable import vmm

/// `vmm run` parses its command line without ArgumentParser; both parsers must agree.
@Suite struct RunArgumentsTests {
    static let plain: [[String]] = [
        ["image"],
        ["image", "sh", "-c", "exit 3", "--help", "--", "-it"],
        ["-i", "-t", "image", "sh"],
        ["-it", "image"],
        ["-ti", "--rm", "--init", "image", "-x"],
        ["-e", "A=B", "--env", "C=D", "--env=E=F", "-ite", "I=-J", "image", "env"],
        ["--env-file", "a", "--env-file=b", "image"],
        ["-w", "/x", "-u", "1:2", "--hostname", "h", "--name=n", "--group-add", "audio", "image"],
        ["-m", "512m", "--cpus", "1.5", "--pids-limit=-1", "image"],
        ["-m512m", "-w/x", "-uroot", "image"],
        ["--memory=1g", "--workdir=/w", "--user=u", "--cpus=2", "--pids-limit", "-1", "image"],
        ["--read-only", "--tmpfs", "/run", "--tmpfs=/tmp:size=1m", "image"],
        ["--cap-add", "ALL", "--cap-drop=CHOWN", "--ulimit", "nofile=1:2", "image"],
        ["--security-opt", "no-new-privileges", "--stop-signal", "INT", "--entrypoint", "", "image"],
        ["--writable", "10G", "--kernel", "k", "--initrd", "i", "--append", "-x y", "image"],
        [
            "--no-init", "--allow-emulation", "--allow-outside-root", "--pull", "never", "--max-import-size",
            "1G",
            "--timings=t",
            "--log-level", "debug",
            "image",
        ],
        ["--", "image", "--", "x"],
        ["--name", "one", "--name", "two", "image"],
        ["-e", "-i", "image"],
        ["--entrypoint", "", "image", ""],
        ["-", "x"],
        ["-h", "name", "-q", "--label", "a=b", "-l", "c", "--label-file", "f", "image"],
        ["-m", "1g", "--memory-swap", "1g", "--quiet", "image"],
    ]

    @Test(arguments: plain)
    func bothReadersAgree(_ words: [String]) throws {
        let read = try #require(try RunOptions(plain: words[...]))
        #expect(read == (try RunCommand.parse(words).options()))
    }

    /// Checks each option in both of its forms.
    @Test("every option that it has, in every way to write it", arguments: RunOption.allCases)
    func options(_ option: RunOption) throws {
        for words in [["--" + option.rawValue, "1"], ["--\(option.rawValue)=1"]] {
            let read = try #require(try RunOptions(plain: (words + ["image"])[...]))
            #expect(read != (try RunOptions(plain: ["image"])), "\(words)")
            #expect(read == (try RunCommand.parse(words + ["image"]).options()), "\(words)")
        }
    }

    @Test("every option without a value that it has", arguments: RunFlag.allCases)
    func flags(_ flag: RunFlag) throws {
        let words = ["--" + flag.rawValue, "image"]
        let read = try #require(try RunOptions(plain: words[...]))
        #expect(read == (try RunCommand.parse(words).options()))
        let isAccepted = [.remove, .initProcess].contains(flag)
        #expect((read == (try RunOptions(plain: ["image"]))) == isAccepted)
        #expect(try RunOptions(plain: ["--\(flag.rawValue)=true", "image"]) == read)
        let off = try RunOptions(plain: ["--\(flag.rawValue)", "--\(flag.rawValue)=false", "image"])
        let expected = try RunOptions(plain: flag == .initProcess ? ["--no-init", "image"] : ["image"])
        #expect(off == expected)
    }

    /// ArgumentParser cannot parse these forms.
    @Test("values that are joined to their option, as docker's reader (pflag) takes them")
    func joined() throws {
        let read = try #require(
            try RunOptions(plain: ["-eA=B", "-e=E=F", "--entrypoint=", "-m=1g", "-iteC=D", "image"]))
        #expect(read.environment == ["A=B", "E=F", "C=D"] && read.entrypoint == "" && read.image == "image")
        #expect(read.isInteractive && read.hasTerminal && read.memory == "1g")
        let users = try #require(try RunOptions(plain: ["-itu", "1000", "-it=false", "image"]))
        #expect(users.user == "1000" && users.isInteractive && !users.hasTerminal)
        #expect(try RunOptions(plain: ["-itu1000", "image"])?.user == "1000")
    }

    @Test("help is left to the library", arguments: [["--help"], ["-it", "--help"], ["--version"]])
    func help(_ words: [String]) throws {
        #expect(try RunOptions(plain: words[...]) == nil)
        #expect(throws: (any Error).self) { try RunCommand.parse(words).options() }
    }

    @Test(
        "everything else is refused by both, and named",
        arguments: [
            ([], "cannot run a container: no image is named"), (["-it"], "no image is named"),
            (["", "x"], "no image is named"), (["--"], "no image is named"), (["--name=n"], "no image"),
            (["--nonsense", "image"], "unknown option --nonsense: vmm run --help"),
            (["-x", "image"], "unknown option -x"), (["-ix", "image"], "unknown option -x"),
            (["---rm", "image"], "unknown option ---rm"), (["--=x", "image"], "unknown option --: "),
            (["-e"], "missing value for -e"), (["--memory"], "missing value for --memory"),
            (["-h"], "missing value for -h"), (["--tty=maybe", "image"], "invalid value 'maybe' for --tty"),
            (["--intractive", "image"], "did you mean --interactive?"),
            (["--memroy", "1g", "image"], "unknown option --memroy: did you mean --memory?"),
            (["--evn", "A=B", "image"], "did you mean --env?"),
            (["--volum", "/a"], "did you mean --volume?"),
            (["--privilege", "image"], "did you mean --privileged?"),
        ])
    func refused(_ words: [String], _ text: String) throws {
        let failure = #expect(throws: Failure.self) { try RunOptions(plain: words[...]) }
        #expect(failure?.kind == .usage && failure?.description.contains(text) == true, "\(failure!)")
        #expect(throws: (any Error).self) { try RunCommand.parse(words).options() }
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
