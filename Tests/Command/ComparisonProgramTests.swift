import Foundation
import TestSupport
import Testing

/// `vmm compare` runs `vmm-compare`, and the monitor itself cannot do what a comparison does.
@Suite("the program behind vmm compare")
struct ComparisonProgramTests {
    private let scratch: Scratch
    private let monitor: String

    init() throws {
        scratch = try Scratch()
        monitor = try scratch.directory("bin") + "/vmm"
        try FileManager.default.copyItem(atPath: Monitor.program, toPath: monitor)
    }

    /// Installs a `vmm-compare` that prints its name, and returns its path.
    private func install(in directory: String, named name: String) throws -> String {
        let path = "\(scratch.path)/\(directory)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let script = "#!/bin/busybox sh\necho \(name) \"$@\"\n"
        try ExecutableFile.write(Array(script.utf8), to: path + "/vmm-compare")
        return path + "/vmm-compare"
    }

    /// Runs the copied monitor in a directory and with a PATH that offer a stranger's program.
    private func compare(_ words: String...) throws -> ProgramRun {
        _ = try install(in: "stranger", named: "stranger")
        let command = ["/bin/busybox", "sh", "-c", "cd \"$0\" && exec \"$@\"", scratch.path + "/stranger"]
        return try ProgramRun(
            command + [monitor] + words, environment: ["PATH": scratch.path + "/stranger:/bin"])
    }

    @Test("is found beside vmm, in libexec and in lib, in this order, and gets vmm's path and all arguments")
    func places() throws {
        for (directory, name) in [("lib/vmm", "lib"), ("libexec/vmm", "libexec"), ("bin", "beside")] {
            _ = try install(in: directory, named: name)
            let run = try compare("compare", "--runs", "3", "an image", "--help")
            #expect(run.output == "\(name) --monitor \(monitor) --runs 3 an image --help\n", "\(run)")
            #expect(run.status == 0)
        }
        let help = try compare("compare", "--help")
        #expect(help.status == 0 && help.output.contains("Usage: vmm compare "), "vmm itself prints the help")
    }

    @Test("is never taken from the working directory or from PATH")
    func absent() throws {
        let run = try compare("compare", "image")
        #expect(run.status == 69 && run.output.isEmpty, "\(run)")
        #expect(run.error.contains("vmm-compare is not in \(scratch.path)/bin, nor in "), "\(run)")
        #expect(run.error.contains("make install"), "\(run)")
    }

    @Test("is refused where a stranger can change it")
    func strangers() throws {
        let program = try install(in: "bin", named: "beside")
        try #require(unsafe chmod(program, 0o757) == 0)
        let writable = try compare("compare", "image")
        #expect(writable.status == 77 && writable.error.contains("another user can change it"), "\(writable)")
        try #require(unsafe chmod(program, 0o755) == 0)
        #expect(try compare("compare", "image").status == 0)
        // Only root can give a file to another user.
        guard geteuid() == 0 else { return }
        try #require(unsafe chown(program, 65534, 65534) == 0)
        #expect(try compare("compare", "image").status == 77)
    }

    @Test("has what the monitor lacks: the hostile guest, and the counter of system calls")
    func contents() throws {
        func content(_ name: String) throws -> Data {
            try Data(contentsOf: URL(filePath: Package.path("build/" + name)))
        }
        let (own, other) = (try content("vmm"), try content("vmm-compare"))
        let texts = [
            "/events/raw_syscalls/sys_enter/id", "would take this host down: not tried",
            "making and removing small files",
        ]
        for text in texts {
            #expect(other.firstRange(of: Data(text.utf8)) != nil, "vmm-compare has \(text)")
            #expect(own.firstRange(of: Data(text.utf8)) == nil, "vmm has \(text)")
        }
    }
}
