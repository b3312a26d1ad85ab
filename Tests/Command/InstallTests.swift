import Foundation
import TestSupport
import Testing

@Suite("make install")
struct InstallTests {
    /// What `make` makes is made before the tests; a make around them has nothing to say to this one.
    private func install(_ variables: String...) throws -> ProgramRun {
        let environment = ProcessInfo.processInfo.environment.filter {
            !["MAKEFLAGS", "MFLAGS", "MAKELEVEL"].contains($0.key)
        }
        return try ProgramRun(
            ["make", "-C", Package.root, "--old-file=all", "install"] + variables, environment: environment)
    }

    @Test("makes a vmm that finds its kernel and its agent, wherever it lies")
    func installed() throws {
        let scratch = try Scratch()
        let run = try install("DESTDIR=\(scratch.path)/a b", "PREFIX=/usr")
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
        let run = try install("PREFIX=/proc/none")
        #expect(run.status == 2 && run.error.contains("make: cannot install below /proc/none; "), "\(run)")
    }
}
