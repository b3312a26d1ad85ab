import Glibc
public import Host

/// The files that a container's VM boots: the project's kernel, and an initramfs whose init is the agent.
public struct GuestFiles: Hashable, Sendable {
    public let kernel: String
    public let initramfs: String

    /// Uses the files that the user names, and finds the others in the first of `directories` that has them.
    public init(
        kernel: String?, initramfs: String?, in directories: [String] = GuestFiles.directories()
    ) throws(Failure) {
        self.kernel =
            if let kernel { kernel } else { try Self.find("vmlinux", in: directories, make: "kernel") }
        self.initramfs =
            if let initramfs { initramfs } else {
                try Self.find("agent.cpio", in: directories, make: "agent")
            }
    }

    /// The directories that are searched: VMM_LIB alone if it is set; otherwise the directory of the monitor,
    /// `../lib/vmm` from there (`make install`), and /usr/lib/vmm (a package). `monitor` is the path of its
    /// executable; nil if it is this program.
    public static func directories(of monitor: String? = nil) -> [String] {
        if let own = Environment.value("VMM_LIB") { return [own] }
        var directories = ["/usr/lib/vmm"]
        if let home = monitor.flatMap(directory) ?? directoryOfThisProgram() {
            directories.insert(contentsOf: [home, home + "/../lib/vmm"], at: 0)
        }
        return directories
    }

    private static func directory(of program: String) -> String? {
        program.lastIndex(of: "/").map { String(program[..<$0]) }
    }

    private static func directoryOfThisProgram() -> String? {
        let limit = 4096
        let path = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            let result = unsafe buffer.withMemoryRebound(to: CChar.self) {
                unsafe readlink("/proc/self/exe", $0.baseAddress!, $0.count)
            }
            count = max(0, result)
        }
        guard let slash = path.lastIndex(of: UInt8(ascii: "/")), path.count < limit else { return nil }
        return String(decoding: path[..<slash], as: UTF8.self)
    }

    private static func find(
        _ name: String, in directories: [String], make target: String
    ) throws(Failure) -> String {
        for directory in directories {
            let path = directory + "/" + name
            if unsafe access(path, R_OK) == 0 { return path }
        }
        throw Failure(
            .missingInput, "cannot find the guest's \(name)",
            because: "it is not in \(directories.joined(separator: ", "))",
            cure:
                "Build it with `make \(target)` in the project's directory, or set VMM_LIB to the directory that has it."
        )
    }
}
