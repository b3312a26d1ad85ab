import Foundation
import Testing

@testable import Cgroups
@testable import Containers

@Suite("The monitor's cgroup")
struct RunCgroupTests {
    private static let hybrid = """
        23 1 8:1 / / rw - ext4 /dev/root rw
        32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
        35 31 0:32 /outer /sys/fs/cgroup/mem\\040ory rw,relatime shared:9 master:2 - cgroup cgroup rw,memory
        37 31 0:34 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
        38 31 0:36 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
        39 31 0:36 / /elsewhere rw,relatime - cgroup2 cgroup2 rw
        garbage
        40 31 0:39 / /short - cgroup
        """
    private static let groups = """
        8:pids:/
        4:memory:/outer/inner
        1:cpu,cpuacct:/
        0::/user.slice/session-1.scope
        """

    @Test("hierarchies are found, with this process's cgroup in them")
    func hierarchies() {
        let found = CgroupHierarchy.list(mounts: Self.hybrid, groups: Self.groups)
        #expect(
            found == [
                .init(isUnified: false, controllers: ["cpu"], mountPoint: "/sys/fs/cgroup/cpu", ownGroup: ""),
                .init(
                    isUnified: false, controllers: ["memory"], mountPoint: "/sys/fs/cgroup/mem ory",
                    ownGroup: "/inner"),
                .init(
                    isUnified: true, controllers: [], mountPoint: "/sys/fs/cgroup/unified",
                    ownGroup: "/user.slice/session-1.scope"),
            ])
        #expect(CgroupHierarchy.list(mounts: "", groups: "").isEmpty)
        let outside = "35 31 0:32 /other /m rw - cgroup cgroup rw,memory"
        #expect(CgroupHierarchy.list(mounts: outside, groups: Self.groups).isEmpty)
    }

    @Test("limits are translated for both cgroup versions")
    func limits() {
        var limits = HostLimits()
        limits.cpuBillionths = 1_500_000_000
        limits.memoryByteCount = 512 << 20
        limits.processCount = 100
        let unified = CgroupLimit.list(limits, cpuCount: 2, isUnified: true)
        #expect(unified.map(\.controller) == ["cpu", "memory", "pids"])
        let settings = unified.flatMap(\.settings)
        #expect(settings.map(\.file) == ["cpu.max", "memory.max", "pids.max"])
        #expect(settings.map(\.value) == ["150000 100000", "\(584 << 20)", "118"])
        let first = CgroupLimit.list(limits, cpuCount: 2, isUnified: false)[0]
        #expect(first.settings.map(\.file) == ["cpu.cfs_period_us", "cpu.cfs_quota_us"])
        limits = HostLimits()
        limits.cpuBillionths = 10_000_000
        #expect(CgroupLimit.list(limits, cpuCount: 1, isUnified: true)[0].settings[0].value == "1000 100000")
        #expect(CgroupLimit.list(HostLimits(), cpuCount: 1, isUnified: true).isEmpty)
    }

    @Test("without limits nothing is done")
    func none() {
        let before = ownGroups
        let group = MonitorCgroup(HostLimits(), cpuCount: 1, identifier: "x")
        #expect(group.note == nil && ownGroups == before)
        group.leave()
    }

    private var ownGroups: String {
        (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? ""
    }
}
