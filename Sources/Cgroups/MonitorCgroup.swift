import Glibc
import Host
import SystemPackage

/// The monitor's own place among the host's cgroups, with the limits that were asked for. Without limits there is none, and
/// nothing is looked at.
///
/// The group is called `vmm-PID-IDENTIFIER`. Of version 1 it lies below the group that the monitor was started in. Of version
/// 2 a group either has processes or gives controllers to groups below it, so it lies beside that group, or below `vmm` at
/// the mount point; a group that the monitor has for itself (as `systemd-run --user --scope` makes one) becomes its
/// parent. Root is not needed where a manager has left the groups to the user.
///
/// At the end the monitor goes back and removes it. A monitor that was killed leaves an empty group behind, and the next
/// one that makes its own in the same place removes it.
public struct MonitorCgroup: ~Copyable, Sendable {
    private var places: [CgroupPlace] = []
    /// What could not be done, for people; nil where all was, or nothing was asked for.
    public private(set) var note: String?

    /// Whether the monitor's group may come to lie below the one that this process is in, from which everybody has to be gone
    /// then: of version 2 only one that is ours alone.
    public static var needsThisGroupEmpty: Bool {
        CgroupHierarchy.ofThisProcess().contains { hierarchy in
            hierarchy.isUnified && !hierarchy.ownGroup.isEmpty
                && CgroupDirectory.words(hierarchy.ownPath + "/cgroup.procs") == ["\(getpid())"]
        }
    }

    /// Puts this process under `limits`. What cannot be limited here is a note and no failure: the guest's own size bounds
    /// its memory and its CPUs anyway.
    public init(_ limits: HostLimits, cpuCount: Int, identifier: String) {
        guard !limits.isEmpty else { return }
        let name = "\(CgroupPlace.prefix)\(getpid())-\(identifier)"
        var left = CgroupLimit.list(limits, cpuCount: cpuCount, isUnified: false).map(\.controller)
        var cause = "there is no hierarchy of cgroups for it"
        for hierarchy in CgroupHierarchy.ofThisProcess() {
            let wanted = CgroupLimit.list(limits, cpuCount: cpuCount, isUnified: hierarchy.isUnified).filter {
                left.contains($0.controller) && hierarchy.has($0.controller)
            }
            guard !wanted.isEmpty else { continue }
            do throws(CgroupError) {
                let place = try Self.place(in: hierarchy, name, wanted)
                left.removeAll { place.controllers.contains($0) }
                if place.controllers.count < wanted.count {
                    cause = "\(place.parent) has no controller for it"
                }
                places.append(place)
            } catch {
                cause = error.text
            }
        }
        if !left.isEmpty { note = Self.note(left, cause) }
    }

    private static func place(
        in hierarchy: CgroupHierarchy, _ name: String, _ limits: [CgroupLimit]
    ) throws(CgroupError) -> CgroupPlace {
        if hierarchy.isUnified { return try CgroupPlace(in: hierarchy, called: name, limits: limits) }
        let parent = hierarchy.ownPath
        do throws(Errno) {
            return try CgroupPlace(in: parent, called: name, from: parent, limits: limits)
        } catch {
            throw CgroupError(parent, error)
        }
    }

    private static func note(_ left: [String], _ cause: String) -> String {
        "no cgroup limits the \(left.joined(separator: ", ")) of the monitor, only the guest's size does: \(cause)"
    }

    /// Goes back, and removes what was made. So does whatever else ends its life, such as a failure.
    public consuming func leave() {}

    deinit {
        for place in places { place.leave() }
    }
}
