import Glibc
import Host
import SystemPackage

/// A cgroup that this process made and joined, and the cgroup that it came from.
struct CgroupPlace: Sendable {
    static let prefix = "vmm-"

    /// The parent of the cgroup.
    let parent: String
    /// The controllers that limit the cgroup.
    let controllers: [String]

    private let group: String
    private let origin: String
    /// The controllers that `origin` enables for this cgroup. While it enables any, no process can return to
    /// `origin`.
    private var given: [String] = []

    /// Makes the cgroup `name` in `parent`, moves this process to it, calls `prepare`, and sets `limits`.
    ///
    /// `prepare` returns the controllers that must be disabled in `origin` before this process can return to
    /// it. On failure this process returns to `origin` and the cgroup is removed.
    init(
        in parent: String, called name: String, from origin: String, limits: [CgroupLimit],
        prepare: () throws(Errno) -> [String] = { [] }
    ) throws(Errno) {
        Self.sweep(parent)
        self.parent = parent
        controllers = limits.map(\.controller)
        group = parent + "/" + name
        self.origin = origin
        do throws(Errno) {
            try CgroupDirectory.make(group)
            try CgroupDirectory.write("\(getpid())", to: group + "/cgroup.procs")
            given = try prepare()
            for setting in limits.flatMap(\.settings) {
                try CgroupDirectory.write(setting.value, to: group + "/" + setting.file)
            }
        } catch {
            leave()
            throw error
        }
    }

    /// Removes the empty cgroups of monitors that were killed. The kernel refuses to remove a cgroup that has
    /// a process.
    private static func sweep(_ parent: String) {
        for name in CgroupDirectory.groups(in: parent) where name.hasPrefix(prefix) {
            let digits = name.dropFirst(prefix.count).prefix { $0 != "-" }
            guard let owner = pid_t(digits), kill(owner, 0) < 0, Errno.current == .noSuchProcess else {
                continue
            }
            CgroupDirectory.remove(parent + "/" + name)
        }
    }

    /// Returns to `origin` and removes the cgroup. If other children of `origin` still use its controllers,
    /// this process cannot return; then the cgroup remains for its manager or the next monitor to remove.
    func leave() {
        if !given.isEmpty, CgroupDirectory.groups(in: origin).count == 1 {
            try? CgroupDirectory.take(given, from: origin)
        }
        try? CgroupDirectory.write("\(getpid())", to: origin + "/cgroup.procs")
        CgroupDirectory.remove(group)
    }
}

/// The reason why a cgroup could not be made, in one line.
struct CgroupError: Error {
    let text: String

    init(_ text: String) { self.text = text }

    /// Makes the error of a cgroup that could not be made in `parent`.
    init(_ parent: String, _ cause: Errno) { text = "\(parent): \(cause.description.lowercased())" }
}
