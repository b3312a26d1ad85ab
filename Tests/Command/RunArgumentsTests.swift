import ArgumentParser
import Containers
import Host
import TestSupport
import Testing

@testable import vmm

/// `vmm run` reads its command line without ArgumentParser; both must understand the same.
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
            "--no-init", "--allow-emulation", "--pull", "never", "--timings=t", "--log-level", "debug",
            "image",
        ],
        ["--", "image", "--", "x"],
        ["--name", "one", "--name", "two", "image"],
        ["-e", "-i", "image"],
        ["--entrypoint", "", "image", ""],
        ["-", "x"],
    ]

    @Test(arguments: plain)
    func bothReadersAgree(_ words: [String]) throws {
        let read = try #require(try RunOptions(plain: words[...]))
        #expect(read == (try RunCommand.parse(words).options()))
    }

    /// Docker's users write these too, and the library does not know them.
    @Test("values that are joined to their option")
    func joined() throws {
        let read = try #require(try RunOptions(plain: ["-eA=B", "--entrypoint=", "-iteC=D", "image"]))
        #expect(read.environment == ["A=B", "C=D"] && read.entrypoint == "" && read.image == "image")
        #expect(read.isInteractive && read.hasTerminal)
    }

    static let unusual: [[String]] = [
        [], ["-it"], ["--help"], ["-h"], ["--nonsense", "image"], ["-x", "image"], ["-e"], ["--memory"],
        ["--tty=maybe", "image"], ["-ix", "image"], ["", "x"], ["--"], ["--name=n"],
    ]

    @Test(arguments: unusual)
    func everythingElseIsLeftToTheLibrary(_ words: [String]) throws {
        #expect(try RunOptions(plain: words[...]) == nil)
        #expect(throws: (any Error).self) { try RunCommand.parse(words).options() }
    }

    @Test(
        "what comes later is named",
        arguments: ["-v", "--volume=/a:/b", "-p", "--network", "-d", "-itd", "--net=host"])
    func later(_ option: String) {
        let failure = #expect(throws: Failure.self) { try RunOptions(plain: [option, "x", "image"]) }
        #expect(failure?.why.contains("not there yet") == true)
    }

    @Test("a mistake of the command line ends with 125, as docker's do")
    func status() throws {
        for words in [["--nonsense", "image"], ["-v", "/a:/b", "image"], ["-e"], []] {
            let run = try ProgramRun([Monitor.program, "run"] + words)
            #expect(run.status == 125 && run.error.hasPrefix("vmm: "), "\(words): \(run)")
        }
        #expect(try Monitor.run("run", "--help").status == 0)
    }
}
