import Foundation
import TestSupport
import Testing

@Suite("make install")
struct InstallTests {
    @Test("makes a vmm that finds its kernel and its agent, wherever it lies")
    func installed() throws {
        let scratch = try Scratch()
        let run = try ProgramRun.make("install", "DESTDIR=\(scratch.path)/a b", "PREFIX=/usr", made: "all")
        #expect(run.status == 0, "\(run)")
        let root = try scratch.directory("root")
        let place = scratch.path + "/a b/usr/bin/vmm"
        // With hardware virtualization the run fails at the missing command; without it, at KVM.
        let used = try ProgramRun(
            [place, "run", "rootfs:" + root, "/none"], environment: ["VMM_STORE": scratch.path + "/store"])
        let isFound = used.error.contains("no hardware virtualization") || used.status == 127
        #expect(isFound, "\(used)")
        let comparing = try ProgramRun([place, "compare", "--explain"])
        #expect(comparing.status == 0 && comparing.output.contains("PSS"), "\(comparing)")
        for file in [
            "man/man1/vmm.1", "man/man1/vmm-run.1", "man/man1/vmm-image-import.1",
            "bash-completion/completions/vmm", "zsh/site-functions/_vmm",
            "fish/vendor_completions.d/vmm.fish",
        ] {
            let bytes = try Data(contentsOf: URL(filePath: "\(scratch.path)/a b/usr/share/\(file)"))
            #expect(bytes.count > 1000, "\(file)")
        }
    }

    @Test("says what to do where nothing can be written")
    func refused() throws {
        let run = try ProgramRun.make("install", "PREFIX=/proc/none", made: "all")
        #expect(run.status == 2 && run.error.contains("make: cannot install below /proc/none; "), "\(run)")
    }
}
