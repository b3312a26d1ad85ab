import Glibc
import Host
import SystemPackage

/// Version 2: a group has processes or gives controllers to groups below it, the root alone may do both (cgroups(7), "no
/// internal processes").
extension CgroupPlace {
    /// A place for a group with `limits`: below the group that we are in, where it is the root or ours alone, so that
    /// whatever bounds that bounds us too; else beside it; else below `vmm` at the mount point, which takes root. Where
    /// none has all controllers, as of a user's own groups some managers keep one back, the first that has any.
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
        // The nearest one says the most: what is farther away is seldom ours.
        throw causes.first
            ?? CgroupError("\(hierarchy.ownPath) and what is above it have no controller for it")
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

    /// Where a group may be made, with what can be limited there.
    private struct Candidate {
        let parent: String
        let isCommon: Bool
        var limits: [CgroupLimit]
    }

    /// Those first that have all that is wanted.
    private static func candidates(_ hierarchy: CgroupHierarchy, _ limits: [CgroupLimit]) -> [Candidate] {
        let names = hierarchy.ownGroup.split(separator: "/")
        let above = names.dropLast().reduce(hierarchy.mountPoint) { $0 + "/" + $1 }
        let common = hierarchy.mountPoint + "/vmm"
        var candidates: [Candidate] = []
        for parent in names.isEmpty ? [hierarchy.ownPath, common] : [hierarchy.ownPath, above, common] {
            // It is made when it is needed, and has then what the mount point has.
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
        let cure = "; systemd-run --user --scope gives a command a group of its own"
        return CgroupError("\(parent): \(reason)\(isOthers && geteuid() != 0 ? cure : "")")
    }
}
