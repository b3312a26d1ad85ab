import Glibc
import Host
import SystemPackage

/// The monitor's own cgroup, with the limits that the user asked for. Without limits, no cgroup is made and
/// no cgroup file is read.
///
/// The cgroup is named `vmm-PID-IDENTIFIER`. In version 1 its parent is the cgroup in which the monitor was
/// started. In version 2 a cgroup either has processes or enables controllers for its children, so the new
/// cgroup is a sibling of that one, or a child of `vmm` at the mount point. If the monitor is the only
/// process in its cgroup (as `systemd-run --user --scope` makes it), that cgroup becomes the parent. Root is
/// not needed if a manager has delegated the cgroups to the user.
///
/// At its end the monitor returns to the old cgroup and removes its own. A monitor that was killed leaves an
/// empty cgroup behind, which the next monitor with the same parent removes.
public struct MonitorCgroup: ~Copyable, Sendable {
    private var places: [CgroupPlace] = []
    /// The limits that could not be set, as a message for the user; nil if all were set.
    public private(set) var note: String?

    /// Whether the monitor's cgroup may become a child of this process's cgroup, which must then have no
    /// process left. That is possible only in version 2, if this process is alone in its cgroup.
    public static var needsThisGroupEmpty: Bool {
        CgroupHierarchy.ofThisProcess().contains { hierarchy in
            hierarchy.isUnified && !hierarchy.ownGroup.isEmpty
                && CgroupDirectory.words(hierarchy.ownPath + "/cgroup.procs") == ["\(getpid())"]
        }
    }

    /// Puts this process under `limits`. A limit that cannot be set here is reported in `note` and is not an
    /// error: the guest's size still bounds its memory and its vCPUs.
    public init(_ limits: HostLimits, cpuCount: Int, identifier: String) {
        guard !limits.isEmpty else { return }
        let name = "\(CgroupPlace.prefix)\(getpid())-\(identifier)"
        var left = CgroupLimit.list(limits, cpuCount: cpuCount, isUnified: false).map(\.controller)
        var cause = "no cgroup hierarchy has a controller for it"
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
        "no cgroup limits the monitor's \(left.joined(separator: ", ")), only the guest's size does: \(cause)"
    }

    /// Returns to the old cgroup and removes the monitor's own. `deinit` does the same on every other way
    /// out, such as a failure.
    public consuming func leave() {}

    deinit {
        for place in places { place.leave() }
    }
}

/// The host resources that a container may use: the limits of its monitor's cgroup. Nil means no limit.
public struct HostLimits: Hashable, Sendable {
    /// CPU time, in billionths of a CPU.
    public var cpuBillionths: UInt64?
    /// The guest's memory. `MonitorCgroup` adds the monitor's own.
    public var memoryByteCount: UInt64?
    /// The number of processes and threads of the container.
    public var processCount: UInt64?

    public init() {}

    public var isEmpty: Bool { cpuBillionths == nil && memoryByteCount == nil && processCount == nil }
}
