import CHost
import Containers
import Host
import Measure

/// Whether this host can run `vmm run`, as the caller determined.
public enum MonitorState: Sendable {
    case usable(program: String)
    case unusable(why: String, cure: String?)
}

/// Finds the paths of this host.
struct PathFinder {
    /// The names of all paths, in the order of the report.
    static let all = ["process", "runc", "crun", "podman", "docker", "vmm", "firecracker", "qemu"]

    let search: SearchPath
    let monitor: MonitorState
    let context: PathContext

    func find(_ name: String) throws(Absence) -> any RuntimePath {
        switch name {
        case "process": try ProcessPath.find()
        case "runc", "crun": try bundle(name)
        case "podman": try podman()
        case "docker": try docker()
        case "vmm": try ownMonitor()
        case "firecracker":
            try peer(.firecracker, "firecracker", cure: "github.com/firecracker-microvm/firecracker/releases")
        default: try peer(.qemu, "qemu-system-x86_64", cure: "apt-get install qemu-system-x86")
        }
    }

    private func program(_ name: String, package: String) throws(Absence) -> String {
        guard let program = search.find(name) else {
            throw Absence(
                name, .absent, "not installed",
                cure: "apt-get install \(package), or your system's equivalent")
        }
        return program
    }

    /// Returns the version in the first line of `--version`.
    private func version(_ name: String, _ words: [String]) throws(Absence) -> String {
        let outcome = try orBroken(name) { () throws(Failure) in try context.tool.run(words, seconds: 20) }
        guard outcome.isSuccess, let line = outcome.output.split(whereSeparator: \.isNewline).first else {
            throw Absence(
                name, .broken, outcome.lastLine ?? "\(words.joined(separator: " ")): \(outcome.ending)")
        }
        let words = line.split(separator: " ").map(String.init)
        return words.first { $0.first?.isNumber == true } ?? String(line).shortened(to: 40)
    }

    private func orBroken<Value>(_ name: String, _ body: () throws(Failure) -> Value) throws(Absence) -> Value
    {
        do throws(Failure) { return try body() } catch { throw Absence(name, error) }
    }

    private func bundle(_ name: String) throws(Absence) -> any RuntimePath {
        let program = try program(name, package: name)
        guard geteuid() == 0 else {
            throw Absence(name, .absent, "its users run it as root", cure: "Run vmm compare as root.")
        }
        let version = try version(name, [program, "--version"])
        return try orBroken(name) { () throws(Failure) in
            try BundlePath(name, program: program, version: version, context)
        }
    }

    private func podman() throws(Absence) -> any RuntimePath {
        let program = try program("podman", package: "podman")
        let version = try version("podman", [program, "--version"])
        // The programs that podman starts for each container.
        let runtime = ["crun", "runc"].lazy.compactMap(search.find).first
        let helpers = [search.find("conmon"), runtime].compactMap { $0 }
        return try orBroken("podman") { () throws(Failure) in
            try EnginePath(
                "podman", program: program, helpers: helpers, version: version, hasDaemon: false, context)
        }
    }

    private func docker() throws(Absence) -> any RuntimePath {
        let program = try program("docker", package: "docker.io")
        let asked = [program, "version", "--format", "{{.Server.Version}}"]
        let outcome = try orBroken("docker") { () throws(Failure) in try context.tool.run(asked, seconds: 20)
        }
        guard outcome.isSuccess, let version = outcome.output.split(whereSeparator: \.isWhitespace).first
        else {
            throw Absence(
                "docker", .absent,
                "no daemon answers: \(outcome.lastLine ?? "\(outcome.ending)")".shortened(to: 200),
                cure: "Start it: systemctl start docker")
        }
        let helpers = ["dockerd", "containerd", "containerd-shim-runc-v2", "runc"].compactMap(search.find)
        return try orBroken("docker") { () throws(Failure) in
            try EnginePath(
                "docker", program: program, helpers: helpers, version: String(version), hasDaemon: true,
                context)
        }
    }

    /// Finds another monitor. It needs the same of the host as vmm does.
    private func peer(_ kind: PeerPath.Kind, _ name: String, cure: String) throws(Absence) -> any RuntimePath
    {
        guard let program = search.find(name) else {
            throw Absence(kind.rawValue, .absent, "not installed", cure: cure)
        }
        if case .unusable(let why, let cure) = monitor {
            throw Absence(kind.rawValue, .absent, why, cure: cure)
        }
        let version = try version(kind.rawValue, [program, "--version"])
        let kernel = try orBroken(kind.rawValue) { () throws(Failure) in
            let directories = GuestFiles.directories(of: context.monitor)
            return try GuestFiles(kernel: context.kernel, initramfs: nil, in: directories).kernel
        }
        return PeerPath(kind, program: program, version: version, kernel: kernel, context)
    }

    private func ownMonitor() throws(Absence) -> any RuntimePath {
        switch monitor {
        case .usable(let program):
            return MonitorPath(version: try version("vmm", [program, "--version"]), context)
        case .unusable(let why, let cure): throw Absence("vmm", .absent, why, cure: cure)
        }
    }
}
