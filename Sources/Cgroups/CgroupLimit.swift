/// A limit as settings of a cgroup.
struct CgroupLimit: Equatable {
    /// The controller that enforces the limit.
    let controller: String
    /// The files to write and their values, in this order.
    let settings: [(file: String, value: String)]

    static func == (left: CgroupLimit, right: CgroupLimit) -> Bool {
        left.controller == right.controller
            && left.settings.elementsEqual(right.settings) { $0.file == $1.file && $0.value == $1.value }
    }

    /// Translates `limits` for the cgroup of a monitor with `cpuCount` vCPUs.
    ///
    /// The monitor's own needs are added. For memory that is 64 MiB and a 64th of the guest's: its page
    /// tables and KVM's, its buffers, and the kernel memory that the cgroup is charged for. For threads it is
    /// 16 and one for each vCPU.
    static func list(_ limits: HostLimits, cpuCount: Int, isUnified: Bool) -> [CgroupLimit] {
        var list: [CgroupLimit] = []
        if let billionths = limits.cpuBillionths { list.append(cpu(billionths, isUnified)) }
        if let guest = limits.memoryByteCount {
            let byteCount = guest + guest / 64 + 64 << 20
            list.append(one("memory", isUnified ? "memory.max" : "memory.limit_in_bytes", "\(byteCount)"))
        }
        if let count = limits.processCount {
            list.append(one("pids", "pids.max", "\(count + UInt64(cpuCount) + 16)"))
        }
        return list
    }

    private static func one(_ controller: String, _ file: String, _ value: String) -> CgroupLimit {
        CgroupLimit(controller: controller, settings: [(file, value)])
    }

    /// Translates a share of CPU time to microseconds in each tenth of a second. The kernel accepts no quota
    /// below a millisecond.
    private static func cpu(_ billionths: UInt64, _ isUnified: Bool) -> CgroupLimit {
        let period = 100_000
        let quota = max(1000, billionths / 10_000)
        if isUnified { return one("cpu", "cpu.max", "\(quota) \(period)") }
        return CgroupLimit(
            controller: "cpu",
            settings: [("cpu.cfs_period_us", "\(period)"), ("cpu.cfs_quota_us", "\(quota)")])
    }
}
