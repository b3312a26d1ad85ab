import AgentProtocol
public import Cgroups
public import Host
import Images
import Machine

/// The size of the VM, and its limits on the host.
extension RunOptions {
    /// The memory of a guest without `--memory`; `vmm boot` has the same default. The guest's kernel
    /// initializes 64 bytes for each page at the start, so every further MiB costs time and host memory,
    /// whether the guest uses it or not.
    private static let usualMemoryByteCount: UInt64 = 256 << 20
    /// The least memory in which the project's kernel and a small program fit.
    private static let leastMemoryByteCount: UInt64 = 32 << 20

    /// The most memory that tmpfs mounts add to the usual memory.
    private static let mostAddedByteCount: UInt64 = 4 << 30

    /// Returns the guest's memory: the value of `--memory`, or else the usual memory plus the sizes of the
    /// tmpfs mounts that the options ask for, so that these mounts take no memory from the processes.
    func memoryByteCount(for container: ContainerSpecification) throws(Failure) -> UInt64 {
        if memory != nil { return try memoryByteCount() }
        var added: UInt64 = 0
        for mount in container.mounts where mount.type == "tmpfs" {
            let byteCount = TmpfsOptions(mount.options, memoryByteCount: 0).byteCount ?? 0
            added += min(byteCount, Self.mostAddedByteCount - added)
        }
        // A 64th of the memory goes to the kernel's page structures.
        let mebibyte: UInt64 = 1 << 20
        return Self.usualMemoryByteCount + (added + added / 32 + mebibyte - 1) / mebibyte * mebibyte
    }

    func memoryByteCount() throws(Failure) -> UInt64 {
        guard let memory else { return Self.usualMemoryByteCount }
        let cure = "Write a size as 512m or 2g."
        guard let byteCount = Quantity.byteCount(memory) else {
            throw .invalid(memory, for: "--memory", because: "not a size", cure: cure)
        }
        guard (Self.leastMemoryByteCount...(1 << 40)).contains(byteCount) else {
            throw .invalid(
                memory, for: "--memory", because: "a guest, kernel included, may have 32m to 1t", cure: cure)
        }
        return (byteCount + 4095) & ~4095
    }

    /// Refuses every `--memory-swap` but one equal to `--memory`. The option is docker's sum of memory and
    /// swap, and a guest has no swap. 0 means unset.
    func checkSwap() throws(Failure) {
        guard let memorySwap else { return }
        guard memorySwap == "-1" || Quantity.byteCount(memorySwap) != nil else {
            throw .invalid(memorySwap, for: "--memory-swap", because: "not a size")
        }
        if let byteCount = Quantity.byteCount(memorySwap) {
            if byteCount == 0 { return }
            if let memory, Quantity.byteCount(memory) == byteCount { return }
        }
        throw Failure(
            .usage, "--memory-swap \(memorySwap) is not supported", because: "a guest has no swap",
            cure: "Give the container the memory that it needs: --memory SIZE.")
    }

    /// Returns the number of vCPUs: `--cpus` rounded up.
    func cpuCount() throws(Failure) -> Int {
        let billionths = try cpuBillionths() ?? Quantity.billion
        return Int((billionths + Quantity.billion - 1) / Quantity.billion)
    }

    private func cpuBillionths() throws(Failure) -> UInt64? {
        guard let cpus else { return nil }
        let most = MachineConfiguration.maximumCPUCount
        guard let billionths = Quantity.cpuBillionths(cpus),
            (Quantity.billion / 100...UInt64(most) * Quantity.billion).contains(billionths)
        else {
            throw .invalid(
                cpus, for: "--cpus", because: "not a number from 0.01 to \(most)",
                cure: "Write one as in --cpus 1.5.")
        }
        return billionths
    }

    /// Returns the limits for the monitor's cgroup. It has only the limits that the user asked for: without
    /// any, no cgroup is made.
    public func limits() throws(Failure) -> HostLimits {
        var limits = HostLimits()
        limits.cpuBillionths = try cpuBillionths()
        if memory != nil { limits.memoryByteCount = try memoryByteCount() }
        limits.processCount = try processCount()
        return limits
    }

    private func processCount() throws(Failure) -> UInt64? {
        guard let processLimit, processLimit != "-1", processLimit != "0" else { return nil }
        guard let count = UInt32(processLimit) else {
            throw .invalid(
                processLimit, for: "--pids-limit", because: "not a number",
                cure: "Write a number, or -1 for no limit.")
        }
        return UInt64(count)
    }
}
