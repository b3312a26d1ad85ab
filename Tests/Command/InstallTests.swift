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
        // Without hardware virtualization it gets as far as to KVM, and with it to the command, which is not there.
        let used = try ProgramRun(
            [place, "run", "rootfs:" + root, "/none"], environment: ["VMM_STORE": scratch.path + "/store"])
        let isFound = used.error.contains("no hardware virtualization") || used.status == 127
        #expect(isFound, "\(used)")
    }

    @Test("says what to do where nothing can be written")
    func refused() throws {
        let run = try ProgramRun.make("install", "PREFIX=/proc/none", made: "all")
        #expect(run.status == 2 && run.error.contains("make: cannot install below /proc/none; "), "\(run)")
    }
}
