import ArgumentParser
import Testing

@testable import vmm

/// `vmm boot` parses plain command lines without ArgumentParser; both parsers must agree.
@Suite struct BootArgumentsTests {
    static let plain: [[String]] = [
        ["--kernel", "k"],
        ["--kernel", "k", "--initrd", "a", "--initrd", "b"],
        ["--kernel", "k", "--cmdline", "console=hvc0", "--append", "-- sh -c 'echo hi'"],
        ["--kernel", "k", "--append", "-- true", "--memory", "1G", "--cpus", "4"],
        ["--kernel", "k", "--memory", "-1", "--cpus", "-1"],
        ["--kernel", "k", "--disk", "a,ro,id=x", "--disk", "b", "--console", "serial"],
        ["--pmem", "a,b", "--kernel", "k", "--pmem", "c"],
        ["--kernel", "k", "--timings", "t.json", "--log-level", "debug", "--allow-emulation"],
        ["--allow-emulation", "--kernel", "one", "--kernel", "two"],
        ["--kernel", "k", "--allow-any-kernel"],
        ["--kernel", "k", "--cmdline", ""],
    ]

    @Test(arguments: plain)
    func bothReadersAgree(_ words: [String]) throws {
        let read = try #require(BootArguments(plain: words[...]))
        #expect(read == (try BootCommand.parse(words)).arguments)
    }

    static let unusual: [[String]] = [
        [],
        ["--memory", "1G"],
        ["--kernel"],
        ["--kernel", "--initrd", "x"],
        ["--kernel=k"],
        ["--kernel", "k", "--append", "--"],
        ["--kernel", "k", "--help"],
        ["-h"],
        ["--kernel", "k", "extra"],
        ["--kernel", "k", "--nonsense", "1"],
        ["--kernel", "k", "--disk", "-x"],
        ["--kernel", ""],
    ]

    @Test(arguments: unusual)
    func everythingElseIsLeftToTheLibrary(_ words: [String]) {
        #expect(BootArguments(plain: words[...]) == nil)
    }
}
