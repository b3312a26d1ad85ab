import Host

/// The parsed `--security-opt` options.
struct SecurityOptions {
    var noNewPrivileges = false
    /// Whether the container may see and write all of /proc and /sys.
    var hasOpenSystemPaths = false
    /// Whether user namespaces and io_uring are available, as without docker's seccomp filter.
    var hasNoFilter = false

    init(_ options: [String], isPrivileged: Bool = false) throws(Failure) {
        for option in options { try add(option) }
        if isPrivileged { hasOpenSystemPaths = true }
    }

    private mutating func add(_ option: String) throws(Failure) {
        switch option {
        case "no-new-privileges", "no-new-privileges=true", "no-new-privileges:true": noNewPrivileges = true
        case "no-new-privileges=false", "no-new-privileges:false": noNewPrivileges = false
        case "systempaths=unconfined": hasOpenSystemPaths = true
        case "seccomp=unconfined", "seccomp:unconfined": hasNoFilter = true
        // The guest has no seccomp profiles or labels to switch off: the VM confines the container.
        case "seccomp=builtin", "apparmor=unconfined", "apparmor:unconfined", "apparmor=docker-default",
            "label=disable", "label:disable":
            break
        default: throw Self.refusal(option)
        }
    }

    private static func refusal(_ option: String) -> Failure {
        let kind = option.prefix { $0 != "=" && $0 != ":" }
        guard ["seccomp", "apparmor", "label", "credentialspec", "writable-cgroups"].contains(kind) else {
            return .invalid(
                option, for: "--security-opt", because: "no such security option",
                cure: "no-new-privileges and systempaths=unconfined are supported.")
        }
        return Failure(
            .usage, "--security-opt \(option) is not supported",
            because:
                "the guest's kernel has no profiles or labels; the virtual machine confines the container",
            cure: "Omit the option.")
    }

    /// The paths that docker masks (OCI runtime 1.2, config-linux, Masked Paths). The kernel behind them is
    /// the container's own, but programs expect to find them masked.
    var maskedPaths: [String] {
        hasOpenSystemPaths
            ? []
            : [
                "/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
            ]
    }

    var readOnlyPaths: [String] {
        hasOpenSystemPaths
            ? [] : ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
    }
}
