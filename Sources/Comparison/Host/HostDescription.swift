import CHost
import Host
import Measure

/// The host on which a comparison was measured.
public struct HostDescription: Sendable {
    /// The layer below this host's kernel, as far as the kernel reports it.
    public enum Place: String, Sendable {
        case bareMetal = "bare metal"
        case nested = "in a virtual machine"
        case emulated = "on an emulated CPU"
    }

    /// The clock by which times are measured.
    public enum Clock: String, Sendable {
        case wall = "wall clock"
        /// The clock of an emulator that counts instructions. VMM_CLOCK=instructions declares it, because a
        /// guest cannot detect it.
        case instructions = "instruction clock"
    }

    public var place: Place
    public var clock: Clock
    public var cpu: String
    public var cpuCount: Int
    public var memoryByteCount: Int
    public var kernel: String
    public var system: String
    public var cgroups: String
    /// The date in UTC (RFC 3339).
    public var date: String
    /// The findings of `vmm doctor`, by name.
    public var findings: [(name: String, finding: String)]

    /// Describes this host as it is now.
    public static func ofThisHost(
        findings: [(name: String, finding: String)], clock: Clock
    ) -> HostDescription {
        let cpu = KernelFile.text("/proc/cpuinfo") ?? ""
        let model = value("model name", in: cpu) ?? "unknown CPU"
        let isVirtual = (value("flags", in: cpu) ?? "").split(separator: " ").contains("hypervisor")
        let isEmulated = model.contains("QEMU TCG") || model.contains("QEMU Virtual CPU")
        let release = KernelFile.text("/etc/os-release") ?? ""
        let name = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }?.dropFirst(12)
        return HostDescription(
            place: isEmulated ? .emulated : isVirtual ? .nested : .bareMetal, clock: clock, cpu: model,
            cpuCount: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            memoryByteCount: Int(MemoryInfo.kibibytes("MemTotal") ?? 0) << 10, kernel: Kernel.release(),
            system: name.map { $0.filter { $0 != "\"" } } ?? "Linux",
            cgroups: FileStatus(of: "/sys/fs/cgroup/cgroup.controllers") != nil ? "v2" : "v1",
            date: UTC.now(),
            findings: findings)
    }

    private static func value(_ label: String, in text: String) -> String? {
        let line = text.split(separator: "\n").first { $0.hasPrefix(label) }
        return line?.split(separator: ":", maxSplits: 1).dropFirst().first.map {
            String($0.drop { $0 == " " })
        }
    }

    /// One line for the user: the conditions of the measurement and how far its figures can be trusted.
    public var method: String {
        switch (clock, place) {
        case (.instructions, _):
            "on an emulated CPU, by its instruction clock: time is instructions executed, 2 ns each. It knows no caches "
                + "and no cost of an exit on hardware; compare ratios."
        case (.wall, .emulated):
            "on an emulated CPU, by the wall clock: compare nothing with real hardware."
        case (.wall, .nested):
            "in a virtual machine: a micro-VM in it is nested, and its exits cost more than on bare metal."
        case (.wall, .bareMetal): "on bare metal, by the wall clock."
        }
    }
}
