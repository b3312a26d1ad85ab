import Foundation
import TestSupport
import Testing

/// `make test` must install every program that tests run. It runs the tests with a PATH of nothing else
/// (scripts/programs.sh), and no test or script may circumvent that PATH.
@Suite("the programs that tests use")
struct ProgramsTests {
    private static let all = [
        "build", "kernels", "kernel", "initramfs", "lab", "images", "archives", "pages", "peers", "tables",
        "manual",
    ]

    /// The files that may set a PATH: for the lab before it has its caller's, for an image, for a newly
    /// installed Debian, and for a user without modprobe and depmod.
    private static let pathsOfTheirOwn: Set = [
        "Tests/Lab/stage2", "scripts/debian-image.sh", "scripts/debian-kernel.sh", "scripts/initramfs.sh",
        "scripts/fresh-test.sh", "scripts/debian-disk.sh",
    ]

    private func makeDirectory(_ place: TemporaryDirectory, _ sets: [String]) throws -> String {
        let path = place.path + "/programs"
        let run = try ProgramRun(
            [Package.path("scripts/programs.sh"), path, "swift"] + sets, seconds: 120)
        try #require(run.status == 0, "\(run.error)")
        return path
    }

    @Test("a script that uses a program of another package fails, and the failure names it")
    func missing() throws {
        let place = try TemporaryDirectory()
        let path = try makeDirectory(place, ["build"])
        for name in ["crun", "skopeo", "qemu-system-x86_64", "pgrep"] {
            let run = try ProgramRun(
                ["bash", "-c", "gcc --version >/dev/null && git --version >/dev/null && \(name) --version"],
                environment: ["PATH": path])
            #expect(run.status == 127, "\(name): \(run.error)")
            #expect(run.missingPrograms.contains { $0.contains(name) }, "\(run.error)")
        }
        let failure = try #require(throws: ProgramNotStarted.self) { try ChildProcess(["no-such-program"]) }
        #expect(failure.description.contains("cannot run no-such-program"))
        #expect(failure.description.contains("scripts/packages.sh"))
    }

    @Test("the sets of make test provide what tests, scripts and the lab run")
    func provided() throws {
        let place = try TemporaryDirectory()
        let path = try makeDirectory(place, Self.all)
        for name in [
            "awk", "bash", "bzip2", "cc", "crun", "git", "groff", "iasl", "make", "mke2fs", "modprobe",
            "pgrep",
            "python3",
            "qemu-system-x86_64", "runc", "script", "skopeo", "swift", "umoci", "xz",
        ] {
            #expect(FileManager.default.isExecutableFile(atPath: path + "/" + name), "\(name)")
        }
        let makefile = try String(contentsOfFile: Package.path("Makefile"), encoding: .utf8)
        #expect(makefile.contains("TEST_SETS := " + Self.all.joined(separator: " ") + "\n"))
    }

    @Test("under make test nothing else is on the PATH, here and in the lab's scripts")
    func isConfined() throws {
        let environment = ProcessInfo.processInfo.environment
        // Only `make test` sets the variable; a developer's `swift test` uses the developer's PATH.
        guard let programs = environment["VMM_PROGRAMS"] else { return }
        // SwiftPM may prepend its toolchain.
        let other = (environment["PATH"] ?? "").split(separator: ":").map(String.init).filter {
            $0 != programs
        }
        for directory in other {
            let isSystems = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"]
                .contains(directory)
            #expect(!isSystems, "\(directory) is on the PATH")
        }
    }

    /// Returns the lines of the tests, and of all scripts that they may run, that name a directory of
    /// programs, each with its file.
    private func lines() throws -> [(name: String, line: Substring)] {
        let folders = ["Tests", "scripts", "guest", "firmware"].map { Package.path($0) }
        let run = try ProgramRun(["grep", "-rI", "--exclude-dir=Corpus", "bin"] + folders)
        try #require(run.status == 0, "\(run.error)")
        return run.output.split(separator: "\n").compactMap { found in
            let name = found.prefix { $0 != ":" }.dropFirst(Package.root.count + 1)
            guard name != "Tests/Command/ProgramsTests.swift" else { return nil }
            return (String(name), found.drop { $0 != ":" }.dropFirst())
        }
    }

    @Test("no file names a program by a path of the system's, or lengthens the PATH by one")
    func paths() throws {
        // Programs of every Debian system, or of a package set.
        let known: Set = ["/bin/bash", "/bin/sh", "/usr/bin/env", "/bin/busybox", "/sbin/mke2fs"]
        // Programs in images.
        let guests: Set = [
            "/bin/tool", "/bin/x", "/bin/é", "/bin/echo", "/bin/sh.txt", "/bin/true", "/sbin/vmm-init",
        ]
        for (name, line) in try lines() {
            for match in line.matches(of: /(^|[^\w.\/}-])(\/(usr\/)?(local\/)?s?bin\/[\w.+-]+)/) {
                let path = String(match.output.2)
                #expect(
                    known.contains(path) || guests.contains(path),
                    "\(name) names \(path): leave the directory out, or, if it is in a guest, add it here")
            }
            for match in line.matches(of: /PATH=[^\n ]*\/(usr\/)?s?bin/) where match.output.0 != "PATH=/bin" {
                #expect(Self.pathsOfTheirOwn.contains(name), "\(name): \(match.output.0)")
            }
        }
    }
}
