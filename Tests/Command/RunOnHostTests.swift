import Foundation
import TestSupport
import Testing

/// Tests the parts of `vmm run` that need no Linux in the guest.
@Suite("vmm run without a Linux")
struct RunOnHostTests {
    /// An image, a store of its own, and the command line of a run with a test guest.
    private struct Bench {
        let scratch: Scratch
        let environment: [String: String]

        init() throws {
            scratch = try Scratch()
            _ = try scratch.directory("root")
            _ = try scratch.file("agent.cpio", Array("070701".utf8))
            var environment = ProcessInfo.processInfo.environment
            environment["VMM_STORE"] = scratch.path + "/store"
            self.environment = environment
        }

        func words(_ guest: String, _ more: [String] = []) -> [String] {
            [Monitor.program, "run", "--allow-emulation", "--kernel", Monitor.guest(guest)]
                + ["--initrd", scratch.path + "/agent.cpio"] + more
                + ["rootfs:" + scratch.path + "/root", "true"]
        }

        func run(_ guest: String, _ more: String...) throws -> ProgramRun {
            try ProgramRun(words(guest, more), environment: environment)
        }

        /// Starts a run whose guest loops forever.
        func start(_ more: String...) throws -> ChildProcess {
            let child = try ChildProcess(words("spin", more), environment: environment)
            try eventually("its vCPU") { Tasks(of: child.identifier).named("vcpu0") != nil }
            return child
        }

        /// Returns the names of vmm's cgroups that contain the process.
        func groups(of process: pid_t) -> [String] {
            let text = (try? String(contentsOfFile: "/proc/\(process)/cgroup", encoding: .utf8)) ?? ""
            return text.split(separator: "\n").compactMap { line in
                line.split(separator: "/").last.map(String.init).flatMap { $0.hasPrefix("vmm-") ? $0 : nil }
            }
        }

        /// Returns the directories of all cgroups named `name`.
        func directories(named name: String) throws -> [String] {
            let run = try ProgramRun(["find", "/sys/fs/cgroup", "-type", "d", "-name", name])
            return run.output.split(separator: "\n").map(String.init)
        }
    }

    @Test("a machine that ends without a word is 125")
    func silent() throws {
        let bench = try Bench()
        for guest in ["poweroff", "triplefault", "pvpanic"] {
            let run = try bench.run(guest)
            #expect(run.status == 125, "\(run)")
            #expect(run.error.hasPrefix("vmm: the container's machine ended before the container"), "\(run)")
        }
    }

    @Test(
        "before a process runs, a signal is for the monitor",
        arguments: [(SIGINT, 130), (SIGTERM, 143), (SIGHUP, 129), (SIGQUIT, 131)] as [(Int32, Int32)])
    func signals(signal: Int32, status: Int32) throws {
        let bench = try Bench()
        let child = try bench.start()
        child.send(SIGUSR1)
        child.send(SIGWINCH)
        usleep(20_000)
        #expect(child.isRunning)
        child.send(signal)
        #expect(try child.wait() == .exited(status))
    }

    @Test("limits put the monitor into a cgroup, which is gone with it; after kill -9, with the next one")
    func cgroup() throws {
        try #require(geteuid() == 0, "only root may make cgroups here")
        let bench = try Bench()
        let limits = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "10"]
        let child = try ChildProcess(bench.words("spin", limits), environment: bench.environment)
        try eventually("its vCPU") { Tasks(of: child.identifier).named("vcpu0") != nil }
        let name = try #require(bench.groups(of: child.identifier).first)
        let made = try bench.directories(named: name)
        #expect(!made.isEmpty)
        let values = try made.flatMap { directory in
            try ["memory.limit_in_bytes", "memory.max", "pids.max", "cpu.cfs_quota_us", "cpu.max"].compactMap
            {
                file -> String? in
                let path = directory + "/" + file
                guard FileManager.default.fileExists(atPath: path) else { return nil }
                return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .newlines)
            }
        }
        #expect(values.contains("\((64 + 1 + 64) << 20)") && values.contains("27"), "\(values)")
        #expect(values.contains("50000") || values.contains("50000 100000"), "\(values)")
        child.send(SIGKILL)
        try child.wait()
        // The kernel needs a moment to empty the cgroups of a killed process; the next monitor removes them.
        try eventually("the removal of \(made)") {
            _ = try bench.run("poweroff", "--memory", "64m", "--cpus", "0.5", "--pids-limit", "10")
            return try bench.directories(named: name).isEmpty
        }
        let again = try ChildProcess(bench.words("spin", limits), environment: bench.environment)
        try eventually("its vCPU") { Tasks(of: again.identifier).named("vcpu0") != nil }
        let second = try #require(bench.groups(of: again.identifier).first)
        again.send(SIGTERM)
        #expect(try again.wait() == .exited(143))
        #expect(try bench.directories(named: second).isEmpty)
    }

    @Test("without limits there is no cgroup")
    func noCgroup() throws {
        let bench = try Bench()
        let child = try bench.start()
        #expect(bench.groups(of: child.identifier).isEmpty)
        child.send(SIGINT)
        try child.wait()
    }

    @Test("what cannot be run is refused with 125 and a clear line")
    func refusals() throws {
        let bench = try Bench()
        var library = bench.environment
        library["VMM_LIB"] = bench.scratch.path + "/nowhere"
        let image = "rootfs:" + bench.scratch.path + "/root"
        for (words, environment, expected) in [
            (["--kernel", "/nowhere", "--allow-emulation"], bench.environment, "/nowhere"),
            (["--memory", "lots"], bench.environment, "lots"),
            ([], library, "make kernel"),
            (["-it", "--allow-emulation"], bench.environment, "the input device is not a TTY"),
            (["--env-file", "/nowhere"], bench.environment, "/nowhere"),
        ] {
            let run = try ProgramRun(
                [Monitor.program, "run"] + words + [image, "true"], environment: environment)
            #expect(
                run.status == 125 && run.error.hasPrefix("vmm: ") && run.error.contains(expected), "\(run)")
        }
        let none = try ProgramRun(
            [Monitor.program, "run", "--allow-emulation", image], environment: bench.environment)
        #expect(none.status == 125 && none.error.contains("Name a command"), "\(none)")
    }

    @Test(
        "a name is in use as long as its monitor lives, and not a moment longer",
        arguments: [SIGINT, SIGKILL])
    func name(signal: Int32) throws {
        let bench = try Bench()
        let name = "test-\(UUID().uuidString)"
        let child = try bench.start("--name", name)
        let second = try bench.run("spin", "--name", name)
        #expect(second.status == 125, "\(second)")
        #expect(
            second.error == """
                vmm: cannot name the container '\(name)': the name is in use by process \(child.identifier)
                  Choose another name, or end that container first: kill \(child.identifier)

                """)
        #expect(try bench.run("poweroff", "--name", name + "2").error.contains("in use") == false)
        child.send(signal)
        try child.wait()
        let third = try bench.start("--name", name)
        third.send(SIGINT)
        #expect(try third.wait() == .exited(130))
    }

    @Test("a writable disk has no name, and is gone with its monitor")
    func disk() throws {
        let bench = try Bench()
        let child = try bench.start("--writable", "1G")
        let left = try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path + "/store/tmp")
        #expect(left.allSatisfy { !$0.hasPrefix("writable") }, "\(left)")
        let descriptors = "/proc/\(child.identifier)/fd"
        let open = try FileManager.default.contentsOfDirectory(atPath: descriptors).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: descriptors + "/" + $0)
        }
        // /proc names a file that never had a name after its inode.
        #expect(open.contains { $0.contains("/store/tmp/#") && $0.hasSuffix(" (deleted)") }, "\(open)")
        child.send(SIGINT)
        #expect(try child.wait() == .exited(130))
    }

    @Test("while a container runs, images can be removed and others imported")
    func removalMeanwhile() throws {
        let bench = try Bench()
        let child = try bench.start()
        for words in [["prune"], ["remove", "rootfs:" + bench.scratch.path + "/root"], ["list"]] {
            let run = try ProgramRun(
                [Monitor.program, "image"] + words, environment: bench.environment, seconds: 60)
            #expect(run.status == 0 && run.error.isEmpty, "\(words): \(run)")
        }
        #expect(child.isRunning)
        child.send(SIGINT)
        #expect(try child.wait() == .exited(130))
    }

    @Test("a bundle that leads out of itself needs a word")
    func bundles() throws {
        let bench = try Bench()
        let bundle = try bench.scratch.directory("bundle")
        let text = #"{"ociVersion": "1.0.0", "root": {"path": "../root"}, "process": {"args": ["true"]}}"#
        try Data(text.utf8).write(to: URL(filePath: bundle + "/config.json"))
        func run(_ more: String...) throws -> ProgramRun {
            let words = bench.words("poweroff", more).dropLast(2)
            return try ProgramRun(words + [bundle], environment: bench.environment)
        }
        let refused = try run()
        #expect(refused.status == 125 && refused.error.contains("--allow-outside-root"), "\(refused)")
        let allowed = try run("--allow-outside-root")
        #expect(
            allowed.error.contains("outside the bundle") && allowed.error.contains("machine ended"),
            "\(allowed)")
    }

    @Test("mke2fs that is missing is named")
    func noFormatter() throws {
        let bench = try Bench()
        var environment = bench.environment
        environment["PATH"] = "/nowhere"
        let run = try ProgramRun(bench.words("poweroff", ["--writable", "1G"]), environment: environment)
        #expect(run.status == 125 && run.error.contains("e2fsprogs"), "\(run)")
    }
}
