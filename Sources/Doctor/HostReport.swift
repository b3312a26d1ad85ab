import Host
import KVM
import Machine
import SystemPackage

/// The capabilities of this host that a monitor needs, and how to provide missing ones (`vmm doctor`).
public struct HostReport: Sendable {
    public enum Verdict: String, Sendable {
        case good, warning, missing
    }

    /// One aspect of the host and the verdict on it.
    public struct Check: Sendable {
        /// The check's stable name, for programs.
        public let name: String
        public let verdict: Verdict
        /// The facts that the check found.
        public let finding: String
        /// The advice to the user, or nil if there is none.
        public let cure: String?
    }

    public let checks: [Check]

    /// Whether `vmm boot` can start a Linux here.
    public var canBoot: Bool { !checks.contains { $0.verdict == .missing } }

    /// Checks every aspect of this host; changes nothing.
    public static func ofThisHost() -> HostReport {
        HostReport(checks: kvmChecks() + [virtualization(), memory(), cgroups(), descriptors()])
    }

    private static func kvmChecks() -> [Check] {
        do throws(Failure) {
            let system = try KVMSystem()
            return [
                Check(
                    name: "kvm", verdict: .good,
                    finding: "\(KVMSystem.path) opens, API version \(KVMSystem.apiVersion)", cure: nil),
                capabilities(of: system), cpus(of: system),
            ]
        } catch {
            return [
                Check(
                    name: "kvm", verdict: .missing, finding: "\(error.what): \(error.why)", cure: error.cure)
            ]
        }
    }

    private static func capabilities(of system: KVMSystem) -> Check {
        let missing = system.missingRequirements()
        guard !missing.isEmpty else {
            let count = KVMSystem.requirements.count
            return Check(
                name: "capabilities", verdict: .good, finding: "all \(count) that vmm needs are there",
                cure: nil)
        }
        let names = missing.map { "\($0.name) (Linux \($0.since))" }.joined(separator: ", ")
        return Check(
            name: "capabilities", verdict: .missing, finding: "KVM lacks \(names)",
            cure: "Update the host's kernel.")
    }

    private static func cpus(of system: KVMSystem) -> Check {
        let most = system.value(of: .maximumVCPUs)
        return Check(
            name: "vcpus", verdict: .good,
            finding: "up to \(min(Int(most), MachineConfiguration.maximumCPUCount)) vCPUs a machine",
            cure: nil)
    }

    private static func virtualization() -> Check {
        let place = Virtualization.isNested ? "nested in a virtual machine" : "on the bare machine"
        switch Virtualization.ofThisHost() {
        case .vmx: return Check(name: "hardware", verdict: .good, finding: "Intel VMX, \(place)", cure: nil)
        case .svm: return Check(name: "hardware", verdict: .good, finding: "AMD SVM, \(place)", cure: nil)
        case .none:
            return Check(
                name: "hardware", verdict: .missing,
                finding: "no hardware virtualization (neither VMX nor SVM)",
                cure: "Turn it on in the firmware or load kvm_intel or kvm_amd; in a cloud ask for nested "
                    + "virtualization. `make lab` boots guests on an emulated CPU.")
        }
    }

    private static func memory() -> Check {
        let kibibytes = HostFacts.number(of: "MemAvailable:", in: "/proc/meminfo") ?? 0
        let least: UInt64 = 256 << 10
        return Check(
            name: "memory", verdict: kibibytes < least ? .warning : .good,
            finding: "\(kibibytes >> 10) MiB available",
            cure: kibibytes < least ? "A guest of the default size wants 256 MiB." : nil)
    }

    private static func cgroups() -> Check {
        switch HostFacts.cgroups() {
        case .unified(let controllers):
            let wanted = ["cpu", "memory", "pids"].filter { !controllers.contains($0) }
            return Check(
                name: "cgroups", verdict: wanted.isEmpty ? .good : .warning,
                finding: "version 2 with \(controllers.joined(separator: " "))",
                cure: wanted.isEmpty ? nil : "Limits need also: \(wanted.joined(separator: ", ")).")
        case .legacy:
            return Check(name: "cgroups", verdict: .good, finding: "version 1", cure: nil)
        case .none:
            return Check(
                name: "cgroups", verdict: .warning, finding: "none mounted",
                cure: "Mount them to limit a monitor: mount -t cgroup2 none /sys/fs/cgroup")
        }
    }

    private static func descriptors() -> Check {
        let limit = HostFacts.descriptorLimit()
        return Check(
            name: "descriptors", verdict: limit < 256 ? .warning : .good, finding: "up to \(limit) a process",
            cure: limit < 256 ? "A machine with many disks needs more: ulimit -n 1024" : nil)
    }
}

extension HostReport {
    /// Renders the report as a JSON object and a newline: whether vmm can boot Linux here, and every check.
    public func json() -> String {
        let rows = checks.map { check in
            JSON.object([
                ("name", .string(check.name)), ("verdict", .string(check.verdict.rawValue)),
                ("finding", .string(check.finding)), ("cure", .optional(check.cure)),
            ])
        }
        return JSON.object([("can_boot", .boolean(canBoot)), ("checks", .array(rows))]).text() + "\n"
    }

    /// Renders each check as a line of text, with its remedy below it.
    public func text(inColour: Bool) -> String {
        let width = checks.map(\.name.count).max() ?? 0
        let lines = checks.map { check in
            let name = check.name + String(repeating: " ", count: width - check.name.count)
            let line = "\(check.verdict.mark(inColour: inColour)) \(name)  \(check.finding)"
            guard let cure = check.cure else { return line }
            return line + "\n" + wrapped(cure, indent: width + 6)
        }
        let end = canBoot ? "This host can boot Linux with vmm." : "This host cannot boot Linux with vmm."
        return lines.joined(separator: "\n") + "\n\n" + end + "\n"
    }

    /// Breaks `text` into lines of at most 100 columns.
    private func wrapped(_ text: String, indent: Int) -> String {
        var lines = [""]
        for word in text.split(separator: " ") {
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if indent + last.count + 1 + word.count <= 100 {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines.map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }
}

extension HostReport.Verdict {
    fileprivate func mark(inColour: Bool) -> String {
        let (word, colour) =
            switch self {
            case .good: ("ok  ", "32")
            case .warning: ("note", "33")
            case .missing: ("FAIL", "31")
            }
        return inColour ? "\u{1B}[\(colour)m\(word)\u{1B}[0m" : word
    }
}
