import CHost
import Host

/// A tree of control groups for one comparison, a group for each path. A path's processes live below its group whatever
/// they do, so its CPU time and its processes can be told, helpers of runtimes included.
///
/// This process goes into the group of the path that it starts, and out again: whoever is started there is born there, and
/// no time of a migration falls into what is measured.
final class ControlGroups {
    /// Hierarchies of version 1 that hold processes of ours; only the root of the tree for version 2.
    private let root: String
    let isUnified: Bool
    /// As a runtime is told it: from the root of the hierarchy.
    let name: String
    private let home: String
    private let mountPoint: String

    /// nil where this process may not make groups.
    init?(identifier: Int32) {
        let unified = "/sys/fs/cgroup"
        isUnified = Files.exists(unified + "/cgroup.controllers")
        mountPoint = isUnified ? unified : unified + "/cpuacct"
        guard let home = Self.home(isUnified: isUnified) else { return nil }
        self.home = mountPoint + home
        name = "/vmm-compare-\(identifier)"
        root = mountPoint + name
        guard unsafe mkdir(root, 0o755) == 0 else { return nil }
    }

    /// This process's group in the hierarchy that counts CPU time.
    private static func home(isUnified: Bool) -> String? {
        let lines = Files.text("/proc/self/cgroup")?.split(separator: "\n") ?? []
        let line = lines.first { line in
            let controllers = line.split(separator: ":", omittingEmptySubsequences: false).dropFirst().first ?? ""
            return isUnified ? line.hasPrefix("0::") : controllers.split(separator: ",").contains("cpuacct")
        }
        return line.flatMap { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last }
            .map(String.init)
    }

    func makeGroup(_ path: String) -> Bool {
        unsafe mkdir(root + "/" + path, 0o755) == 0 && mkdir(inner(path), 0o755) == 0
    }

    /// Processes of version 2 live in leaves only, so that a runtime may make groups beside.
    private func inner(_ path: String) -> String { root + "/" + path + "/run" }

    @discardableResult
    func enter(_ path: String) -> Bool { move(to: inner(path)) }
    func leave() { _ = move(to: home) }

    private func move(to group: String) -> Bool {
        (try? Files.write("0", to: group + "/cgroup.procs")) != nil
    }

    /// CPU time of everything that ever ran in the group, in nanoseconds.
    func cpuTime(of path: String) -> UInt64? {
        let group = root + "/" + path
        if !isUnified { return Files.number(group + "/cpuacct.usage") }
        let line = Files.text(group + "/cpu.stat")?.split(separator: "\n").first { $0.hasPrefix("usage_usec") }
        return line?.split(separator: " ").last.flatMap { UInt64($0) }.map { $0 &* 1000 }
    }

    /// The processes of the path, without this one.
    func processes(of path: String) -> [Int32] {
        let own = getpid()
        return Self.processes(root + "/" + path).filter { $0 != own }
    }

    private static func processes(_ directory: String) -> [Int32] {
        let here = Files.text(directory + "/cgroup.procs")?.split(separator: "\n").compactMap { Int32($0) } ?? []
        return Files.names(in: directory).reduce(here) { found, name in
            let inner = directory + "/" + name
            return Files.isDirectory(inner) ? found + processes(inner) : found
        }
    }

    /// Waits until nothing of the path runs any more, a second at the most; then ends what does.
    func settle(_ path: String) {
        for _ in 0..<200 {
            if processes(of: path).isEmpty { return }
            usleep(5000)
        }
        for _ in 0..<100 {
            let rest = processes(of: path)
            if rest.isEmpty { return }
            for process in rest { kill(process, SIGKILL) }
            usleep(10000)
        }
    }

    /// Removes the groups, also those that runtimes of version 1 made in other hierarchies.
    func remove() {
        leave()
        let hierarchies = isUnified ? [mountPoint] : Files.names(in: "/sys/fs/cgroup").map { "/sys/fs/cgroup/" + $0 }
        for hierarchy in hierarchies { Self.remove(hierarchy + name) }
    }

    private static func remove(_ directory: String) {
        for name in Files.names(in: directory) {
            let inner = directory + "/" + name
            if Files.isDirectory(inner) { remove(inner) }
        }
        unsafe rmdir(directory)
    }
}
