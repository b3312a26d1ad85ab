import CHost
import Host
import Measure

/// A tree of cgroups for one comparison, with a cgroup for each path. All processes of a path, helpers of the
/// runtime too, stay below its cgroup, so the CPU time and the processes of the path can be read there.
///
/// This process joins a path's cgroup before a start and leaves it afterwards: the children are created in
/// that cgroup, so no migration falls into the measured time.
final class ControlGroups {
    /// The root of the tree, in the hierarchy of version 2 or the cpuacct hierarchy of version 1.
    private let root: String
    let isUnified: Bool
    /// The root of the tree as a runtime expects it: relative to the root of the hierarchy.
    let name: String
    private let home: String
    private let mountPoint: String

    /// Makes the tree; returns nil if this process may not make cgroups.
    init?(identifier: Int32) {
        let unified = "/sys/fs/cgroup"
        isUnified = FileStatus(of: unified + "/cgroup.controllers") != nil
        mountPoint = isUnified ? unified : unified + "/cpuacct"
        guard let home = Self.home(isUnified: isUnified) else { return nil }
        self.home = mountPoint + home
        name = "/vmm-compare-\(identifier)"
        root = mountPoint + name
        guard unsafe mkdir(root, 0o755) == 0 else { return nil }
    }

    /// Returns this process's cgroup in the hierarchy that counts CPU time.
    private static func home(isUnified: Bool) -> String? {
        let lines = KernelFile.text("/proc/self/cgroup")?.split(separator: "\n") ?? []
        let line = lines.first { line in
            let controllers =
                line.split(separator: ":", omittingEmptySubsequences: false).dropFirst().first ?? ""
            return isUnified ? line.hasPrefix("0::") : controllers.split(separator: ",").contains("cpuacct")
        }
        return line.flatMap { $0.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).last }
            .map(String.init)
    }

    func makeGroup(_ path: String) -> Bool {
        unsafe mkdir(root + "/" + path, 0o755) == 0 && mkdir(inner(path), 0o755) == 0
    }

    /// Returns the leaf in which the processes are. In version 2 only leaves have processes, so a runtime can
    /// make its cgroups beside this one.
    private func inner(_ path: String) -> String { root + "/" + path + "/run" }

    @discardableResult
    func enter(_ path: String) -> Bool { move(to: inner(path)) }
    func leave() { _ = move(to: home) }

    private func move(to group: String) -> Bool {
        (try? WholeFile.write("0", to: group + "/cgroup.procs")) != nil
    }

    /// Returns the CPU time of all processes that ever ran in the path's cgroup, in nanoseconds.
    func cpuTime(of path: String) -> UInt64? {
        let group = root + "/" + path
        if !isUnified { return KernelFile.number(group + "/cpuacct.usage") }
        let line = KernelFile.text(group + "/cpu.stat")?.split(separator: "\n").first {
            $0.hasPrefix("usage_usec")
        }
        return line?.split(separator: " ").last.flatMap { UInt64($0) }.map { $0 &* 1000 }
    }

    /// Returns the processes of the path, without this one.
    func processes(of path: String) -> [Int32] {
        let own = getpid()
        return Self.processes(root + "/" + path).filter { $0 != own }
    }

    private static func names(_ directory: String) -> [String] { (try? Files.names(in: directory)) ?? [] }

    private static func processes(_ directory: String) -> [Int32] {
        let here =
            KernelFile.text(directory + "/cgroup.procs")?.split(separator: "\n").compactMap { Int32($0) }
            ?? []
        return names(directory).reduce(here) { found, name in
            let inner = directory + "/" + name
            return FileStatus(of: inner)?.isDirectory == true ? found + processes(inner) : found
        }
    }

    /// Waits at most one second for all processes of the path to end, then kills the rest.
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

    /// Removes the tree, and the cgroups that runtimes made in other hierarchies of version 1.
    func remove() {
        leave()
        let hierarchies =
            isUnified ? [mountPoint] : Self.names("/sys/fs/cgroup").map { "/sys/fs/cgroup/" + $0 }
        for hierarchy in hierarchies { Self.remove(hierarchy + name) }
    }

    private static func remove(_ directory: String) {
        for name in names(directory) {
            let inner = directory + "/" + name
            if FileStatus(of: inner)?.isDirectory == true { remove(inner) }
        }
        unsafe rmdir(directory)
    }
}
