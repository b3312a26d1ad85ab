import Glibc
import Host
import Measure

/// A directory in memory that holds everything that is measured before the first sample. In the lab, a wait
/// for the host's files would fall into some sample.
struct Stage {
    /// The monitor that is measured, in the project's directory.
    static var monitor: String { Environment.value("VMM_BENCH_MONITOR") ?? "build/vmm" }

    var programs: Programs
    /// The staged monitor. Its kernel and its agent are found beside it.
    let vmm: String
    private let workspace: Workspace

    init(_ programs: Programs) throws(Failure) {
        self.programs = programs
        workspace = try Workspace(named: "vmm-bench")
        vmm = workspace.path + "/vmm"
        try FileCopy.copy(Self.monitor, to: vmm, mode: 0o755)
    }

    /// Returns the path of a staged file or directory.
    func path(_ name: String) -> String { workspace.path + "/" + name }

    func makeDirectory(_ name: String) throws(Failure) -> String { try workspace.directory(name) }

    /// Copies a file of the project's directory, and returns the path of the copy.
    @discardableResult
    func copy(_ file: String, as name: String? = nil) throws(Failure) -> String {
        let copy = path(name ?? file.split(separator: "/").last.map(String.init) ?? file)
        try FileCopy.copy(file, to: copy, mode: 0o755)
        return copy
    }

    /// The project's kernel and an initramfs with a shell.
    struct Linux {
        let kernel: String
        let initramfs: String
    }

    func copyLinux() throws(Failure) -> Linux {
        Linux(kernel: try copy("build/vmlinux"), initramfs: try copy("build/initramfs.cpio"))
    }

    /// Copies the tiny guest `name`, and returns the command line that boots it, with or without hardware
    /// virtualization.
    func boot(tinyGuest name: String, _ options: [String]) throws(Failure) -> [String] {
        let kernel = try copy("build/firmware/\(name).elf")
        return [vmm, "boot", "--kernel", kernel, "--console", "none", "--allow-emulation"] + options
    }

    /// Makes a container's root file system, with busybox and what a container's root needs, and stages what
    /// containers boot. Returns the path of the root.
    func makeContainerRoot() throws(Failure) -> String {
        let root = try makeDirectory("root")
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] { _ = try makeDirectory("root/" + name) }
        guard let busybox = programs.find("busybox") else {
            throw Failure(.unavailable, "cannot make an image", because: "busybox is not installed")
        }
        try FileCopy.copy(busybox, to: root + "/bin/busybox", mode: 0o755)
        for name in ["sh", "true", "cat", "sleep"] { unsafe symlink("busybox", "\(root)/bin/\(name)") }
        try WholeFile.write("root:x:0:0:root:/:/bin/sh\n", to: root + "/etc/passwd")
        try copy("build/vmlinux")
        try copy("build/agent.cpio")
        return root
    }

    /// The image store of the staged monitor, as a variable of the environment.
    var storeVariable: String { "VMM_STORE=" + path("store") }
}
