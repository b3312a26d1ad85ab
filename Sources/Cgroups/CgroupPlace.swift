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

/// Version 2: a cgroup either has processes or enables controllers for its children; only the root may do
/// both (cgroups(7), "no internal processes").
extension CgroupPlace {
    /// Makes a cgroup with `limits` and moves this process to it.
    ///
    /// Candidates for its parent, in this order:
    ///
    /// 1. The cgroup of this process, if it is the root or contains no other process: a limit on it then
    ///    still applies.
    /// 2. The parent of that cgroup.
    /// 3. `vmm` at the mount point, which needs root.
    ///
    /// If no candidate has all controllers, because some managers withhold one from a user's cgroups, the
    /// first that has any of them is used.
    init(in hierarchy: CgroupHierarchy, called name: String, limits: [CgroupLimit]) throws(CgroupError) {
        var causes: [CgroupError] = []
        for candidate in Self.candidates(hierarchy, limits) {
            do throws(Errno) {
                try self.init(in: candidate, called: name, of: hierarchy)
                return
            } catch {
                causes.append(Self.error(candidate.parent, error))
            }
        }
        // Report the nearest candidate: this user seldom owns the farther ones.
        throw causes.first
            ?? CgroupError("\(hierarchy.ownPath) and the cgroups above it have no controller for it")
    }

    private init(
        in candidate: Candidate, called name: String, of hierarchy: CgroupHierarchy
    ) throws(Errno) {
        let (parent, controllers) = (candidate.parent, candidate.limits.map(\.controller))
        if candidate.isCommon { try CgroupDirectory.make(parent) }
        try self.init(in: parent, called: name, from: hierarchy.ownPath, limits: candidate.limits) {
            () throws(Errno) in
            if candidate.isCommon { _ = try CgroupDirectory.give(controllers, in: hierarchy.mountPoint) }
            let given = try CgroupDirectory.give(controllers, in: parent)
            return parent == hierarchy.ownPath && parent != hierarchy.mountPoint ? given : []
        }
    }

    /// A cgroup in which the new one may be made, and the limits that are possible there.
    private struct Candidate {
        let parent: String
        let isCommon: Bool
        var limits: [CgroupLimit]
    }

    /// Lists the candidates; those with all controllers come first.
    private static func candidates(_ hierarchy: CgroupHierarchy, _ limits: [CgroupLimit]) -> [Candidate] {
        let names = hierarchy.ownGroup.split(separator: "/")
        let above = names.dropLast().reduce(hierarchy.mountPoint) { $0 + "/" + $1 }
        let common = hierarchy.mountPoint + "/vmm"
        var candidates: [Candidate] = []
        for parent in names.isEmpty ? [hierarchy.ownPath, common] : [hierarchy.ownPath, above, common] {
            // `vmm` is made on demand and then has the controllers of the mount point.
            let place = parent == common ? hierarchy.mountPoint : parent
            let there = CgroupDirectory.words(place + "/cgroup.controllers")
            let possible = limits.filter { there.contains($0.controller) }
            if !possible.isEmpty {
                candidates.append(Candidate(parent: parent, isCommon: parent == common, limits: possible))
            }
        }
        return candidates.filter { $0.limits.count == limits.count }
            + candidates.filter { $0.limits.count < limits.count }
    }

    private static func error(_ parent: String, _ cause: Errno) -> CgroupError {
        let isOthers = [.permissionDenied, .notPermitted, .resourceBusy].contains(cause)
        let reason = cause == .resourceBusy ? "other processes are in it" : cause.description.lowercased()
        let cure = "; systemd-run --user --scope gives a command its own cgroup"
        return CgroupError("\(parent): \(reason)\(isOthers && geteuid() != 0 ? cure : "")")
    }
}
