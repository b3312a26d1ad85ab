import Host
import Logging
import Machine
import Testing

@testable import Arguments
@testable import vmm

@Suite struct BootOptionsTests {
    private func expect(
        _ words: [String], at location: SourceLocation = #_sourceLocation,
        _ change: (inout BootOptions) -> Void
    ) throws {
        var (options, expected) = (BootOptions(), BootOptions())
        #expect(try options.read(words[...], path: "vmm boot") == .run, sourceLocation: location)
        change(&expected)
        #expect(options == expected, "\(words)", sourceLocation: location)
    }

    @Test func optionsAreReadAsWritten() throws {
        for words in [["--kernel", "k"], ["--kernel=k"], ["--kernel", "j", "--kernel", "k"]] {
            try expect(words) { $0.kernel = "k" }
        }
        try expect(["--initrd", "a", "--initrd", "b", "--cmdline", ""]) {
            ($0.initrd, $0.cmdline) = (["a", "b"], "")
        }
        try expect(["--cmdline", "console=hvc0", "--append", "-- sh -c 'echo hi'", "--append", "--"]) {
            ($0.cmdline, $0.append) = ("console=hvc0", "--")
        }
        try expect(["--memory", "-1", "--cpus", "-1"]) { ($0.memory, $0.cpus) = ("-1", "-1") }
        try expect(["--disk", "a,ro,id=x", "--disk", "b", "--console", "serial", "--log-level=debug"]) {
            ($0.disk, $0.console, $0.logLevel) = (["a,ro,id=x", "b"], .serial, .debug)
        }
        try expect(["--pmem", "a,b", "--pmem", "c", "--timings", "t", "--allow-emulation"]) {
            ($0.pmem, $0.timings, $0.allowsEmulation) = (["a,b", "c"], "t", true)
        }
    }

    @Test func everyOptionHasADestinationOfItsOwn() throws {
        var destinations: [String] = []
        let usual = RunOptionsTests.variables(BootOptions())
        for option in BootOptions.options {
            var options = BootOptions()
            let value = RunOptionsTests.sample(option).map { "=" + $0 } ?? ""
            #expect(try options.read(["--\(option.name)\(value)"], path: "vmm boot") == .run)
            destinations += RunOptionsTests.variables(options).filter { usual[$0.key] != $0.value }.map(\.key)
        }
        #expect(destinations.count == BootOptions.options.count)
        #expect(Set(destinations) == Set(usual.keys))
    }

    @Test(
        arguments: [
            (["--kernel"], "missing value for --kernel: nothing follows it"),
            (["--kernel", "--initrd", "x"], "missing value for --kernel: --initrd follows it"),
            (["--kernel", "k", "--disk", "-x"], "missing value for --disk: -x follows it"),
            (
                ["--kernel", "k", "extra"],
                "unexpected argument 'extra': usage: vmm boot [OPTION]... --kernel FILE"
            ),
            (["--kernel", "k", "--nonsense", "1"], "unknown option --nonsense"),
            (["--kernle", "k"], "did you mean --kernel?"),
            (
                ["--console", "vga"],
                "invalid value 'vga' for --console: not one of auto, virtio, serial, none"
            ),
        ])
    func mistakesAreNamed(words: [String], text: String) {
        let failure = #expect(throws: Failure.self) {
            var options = BootOptions()
            _ = try options.read(words[...], path: "vmm boot")
        }
        #expect(failure?.kind == .usage && failure?.description.contains(text) == true, "\(failure!)")
    }

    @Test func aKernelIsRequired() {
        let failure = #expect(throws: Failure.self) { try BootOptions().run() }
        #expect(failure?.what == "missing option --kernel")
    }
}
