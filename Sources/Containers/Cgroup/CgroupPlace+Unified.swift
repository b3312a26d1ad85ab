import Host
import SystemPackage

/// Version 2: a group has processes or gives controllers to groups below it, the root alone may do both (cgroups(7), "no
/// internal processes").
extension CgroupPlace {
    /// A place for a group with `limits`: below the group that we are in, where it is the root or ours alone, so that
    /// whatever bounds that bounds us too; else beside it; else below `vmm` at the mount point, which takes root.
    init(in hierarchy: CgroupHierarchy, called name: String, limits: [CgroupLimit]) throws(CgroupError) {
        let controllers = limits.map(\.controller)
        var causes: [String] = []
        let common = hierarchy.mountPoint + "/vmm"
        for parent in Self.parents(hierarchy) + [common] {
            if parent == common { try? CgroupDirectory.make(common) }
            do throws(CgroupError) {
                try self.init(in: parent, called: name, from: hierarchy.ownPath, limits: limits) {
                    () throws(Errno) in
                    if parent == common { try Self.give(controllers, in: hierarchy.mountPoint) }
                    try Self.give(controllers, in: parent)
                }
                return
            } catch {
                causes.append(error.text)
            }
        }
        throw CgroupError(causes.last ?? "no group can be made")
    }

    /// Our own group and its parent.
    private static func parents(_ hierarchy: CgroupHierarchy) -> [String] {
        let names = hierarchy.ownGroup.split(separator: "/")
        if names.isEmpty { return [hierarchy.ownPath] }
        return [hierarchy.ownPath, names.dropLast().reduce(hierarchy.mountPoint) { $0 + "/" + $1 }]
    }

    /// Has `group` give the controllers to the groups below it, unless it does.
    private static func give(_ controllers: [String], in group: String) throws(Errno) {
        let file = group + "/cgroup.subtree_control"
        let given = CgroupDirectory.words(file)
        let missing = controllers.filter { !given.contains($0) }
        if !missing.isEmpty {
            try CgroupDirectory.write(missing.map { "+" + $0 }.joined(separator: " "), to: file)
        }
    }
}
