import CHost

/// What a comparison was measured on.
public struct HostDescription: Sendable {
    /// What lies under this system, as far as it tells.
    public enum Place: String, Sendable {
        case bareMetal = "bare metal"
        case nested = "in a virtual machine"
        case emulated = "on an emulated CPU"
    }

    /// What a second is.
    public enum Clock: String, Sendable {
        case wall = "wall clock"
        /// VMM_CLOCK=instructions says so: nothing in such a machine can tell.
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
    /// UTC, as in RFC 3339.
    public var date: String
    /// The findings of `vmm doctor`, by their names.
    public var findings: [(name: String, finding: String)]

    /// This host, now.
    public static func ofThisHost(
        findings: [(name: String, finding: String)], clock: Clock
    ) -> HostDescription {
        let cpu = Files.text("/proc/cpuinfo") ?? ""
        let model = value("model name", in: cpu) ?? "unknown CPU"
        let isVirtual = (value("flags", in: cpu) ?? "").split(separator: " ").contains("hypervisor")
        let isEmulated = model.contains("QEMU TCG") || model.contains("QEMU Virtual CPU")
        let release = Files.text("/etc/os-release") ?? ""
        let name = release.split(separator: "\n").first { $0.hasPrefix("PRETTY_NAME=") }?.dropFirst(12)
        return HostDescription(
            place: isEmulated ? .emulated : isVirtual ? .nested : .bareMetal, clock: clock, cpu: model,
            cpuCount: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
            memoryByteCount: Int(MemoryInfo.kibibytes("MemTotal") ?? 0) << 10, kernel: kernelRelease(),
            system: name.map { $0.filter { $0 != "\"" } } ?? "Linux",
            cgroups: Files.exists("/sys/fs/cgroup/cgroup.controllers") ? "v2" : "v1", date: UTC.now(),
            findings: findings)
    }

    private static func value(_ label: String, in text: String) -> String? {
        let line = text.split(separator: "\n").first { $0.hasPrefix(label) }
        return line?.split(separator: ":", maxSplits: 1).dropFirst().first.map { String($0.drop { $0 == " " }) }
    }

    static func kernelRelease() -> String {
        (Files.text("/proc/sys/kernel/osrelease") ?? "unknown").filter { !$0.isNewline }
    }

    /// One line for people: what its figures are worth.
    public var method: String {
        switch (clock, place) {
        case (.instructions, _):
            "on an emulated CPU, by its instruction clock: time is instructions executed, 2 ns each. It knows no caches "
                + "and no cost of an exit on hardware; compare ratios."
        case (.wall, .emulated):
            "on an emulated CPU, by the wall clock: compare nothing with real hardware."
        case (.wall, .nested): "in a virtual machine: a micro-VM in it is nested, and its exits cost more than on bare metal."
        case (.wall, .bareMetal): "on bare metal, by the wall clock."
        }
    }
}

enum MemoryInfo {
    /// A line of /proc/meminfo.
    static func kibibytes(_ label: String) -> UInt64? {
        let line = Files.text("/proc/meminfo")?.split(separator: "\n").first { $0.hasPrefix(label + ":") }
        return line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
    }

    static func availableByteCount() -> Int { Int(kibibytes("MemAvailable") ?? 0) << 10 }
}

/// The date, without Foundation.
enum UTC {
    static func now() -> String {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return text(time.tv_sec)
    }

    /// Seconds since 1970 as RFC 3339 has them (days from civil dates, in eras of 400 years that begin in March).
    static func text(_ seconds: Int) -> String {
        let (days, second) = (seconds / 86400, seconds % 86400)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let calendarMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (calendarMonth <= 2 ? 1 : 0)
        return "\(year)-\(two(calendarMonth))-\(two(day))T\(two(second / 3600)):\(two(second / 60 % 60)):"
            + "\(two(second % 60))Z"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
