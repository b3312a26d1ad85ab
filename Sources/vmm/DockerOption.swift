import Host

/// An option of `docker run` that vmm accepts without effect, or refuses with a reason.
/// docs/docker-options.md lists all of them; `DockerOptionTests` checks that the two agree.
struct DockerOption {
    let name: String
    var letter: Character?
    var takesValue = true
    /// The values that change nothing.
    var harmless: Harmless
    /// The reason why the other values are refused; unused if every value is harmless.
    var reason = Reason.networks

    enum Harmless {
        case always
        /// Only these values; for a flag, "true" or "false".
        case only([String])
        /// Any number that Go's `int` can hold.
        case number
    }

    static func named(_ name: String) -> DockerOption? { all.first { $0.name == name } }

    static func named(_ letter: Character) -> DockerOption? { all.first { $0.letter == letter } }

    /// Refuses the option unless `value` is harmless. For a flag, `value` is nil unless it is joined by `=`.
    func check(_ value: String?) throws(Failure) {
        let isHarmless: Bool
        switch harmless {
        case .always:
            if !takesValue { _ = try RunRefusal.truth(value, of: "--" + name) }
            isHarmless = true
        case .number:
            guard Int(value ?? "") != nil else {
                throw Failure(
                    .usage, "invalid value '\(value ?? "")' for --\(name)", because: "not a number",
                    cure: "Leave it out; it changes nothing.")
            }
            isHarmless = true
        case .only(let values):
            let text = takesValue ? value ?? "" : "\(try RunRefusal.truth(value, of: "--" + name))"
            isHarmless = values.contains(text)
        }
        if !isHarmless { throw refusal(of: value) }
    }

    /// Makes the failure of a refused option. It names the value if another value would be accepted.
    private func refusal(of value: String?) -> Failure {
        var words = "--" + name
        if case .only(let values) = harmless, !values.isEmpty, takesValue { words += " \(value ?? "")" }
        return Failure(
            .usage, "\(words) is not supported\(reason.isPlanned ? " yet" : "")", because: reason.why,
            cure: reason.cure)
    }
}

// MARK: - Reasons

extension DockerOption {
    struct Reason {
        let why: String
        var cure = "Leave it out."
        var isPlanned = false

        static let networks = Reason(
            why: "a container has no network but its loopback interface",
            cure: "Leave it out, or write --network none.", isPlanned: true)
        static let volumes = Reason(
            why: "directories of the host cannot be shared",
            cure:
                "Import what the container needs with its image, or pass it through standard input with -i.",
            isPlanned: true)
        static let background = Reason(
            why: "a container runs as long as its vmm",
            cure: "Start vmm run in the background: vmm run ... &",
            isPlanned: true)
        static let ioLimits = Reason(
            why: "nothing limits a container's disk input and output", isPlanned: true)
        static let healthChecks = Reason(why: "nothing runs health checks", isPlanned: true)
        static let devices = Reason(why: "devices of the host cannot be given to a guest", isPlanned: true)
        static let namespaces = Reason(
            why: "a container has a kernel of its own, and shares no namespace with the host or with others")
        static let attached = Reason(
            why: "both outputs are always attached", cure: "Leave it out; -i attaches the input.")
        static let windows = Reason(why: "it is for containers of Windows")
        static let cpuTime = Reason(
            why: "CPU time is limited by a number of CPUs", cure: "Write --cpus NUMBER, as in --cpus 1.5.")
        static let cpuSets = Reason(
            why: "vmm does not choose the host's CPUs",
            cure: "taskset -c LIST vmm run ... does; --cpus limits their time.")
        static let noSwap = Reason(
            why: "a guest has no swap", cure: "Give the container the memory that it needs: --memory SIZE.")
    }
}

// MARK: - The options

extension DockerOption {
    private static func refused(
        _ name: String, _ reason: Reason, letter: Character? = nil, unless values: String...
    ) -> DockerOption {
        DockerOption(name: name, letter: letter, harmless: .only(values), reason: reason)
    }

    private static func refusedFlag(
        _ name: String, _ reason: Reason, letter: Character? = nil, unless value: Bool = false
    ) -> DockerOption {
        DockerOption(
            name: name, letter: letter, takesValue: false, harmless: .only(["\(value)"]), reason: reason)
    }

    private static func refused(_ names: [String], _ reason: Reason) -> [DockerOption] {
        names.map { refused($0, reason) }
    }

    private static func accepted(_ name: String) -> DockerOption {
        DockerOption(name: name, harmless: .always)
    }

    /// Every option of docker's that is neither a `RunFlag` nor a `RunOption`, including those that docker's
    /// help hides.
    static let all: [DockerOption] = general + healthChecks + network + files + process + limits + resources

    private static let general: [DockerOption] = [
        DockerOption(name: "no-healthcheck", takesValue: false, harmless: .always),
        DockerOption(name: "stop-timeout", harmless: .number),
        accepted("annotation"), accepted("detach-keys"), accepted("expose"), accepted("log-opt"),
        refused(
            "log-driver", Reason(why: "the container's output goes to standard output and standard error"),
            unless: "none", "json-file", "local"),
        refused(
            "platform", Reason(why: "the guest's kernel runs programs for linux/amd64 only"),
            unless: "linux/amd64", "linux/x86_64", "linux", "amd64", "x86_64"),
        refused("restart", .background, unless: "no", ""),
        refusedFlag("detach", .background, letter: "d"),
        refusedFlag(
            "disable-content-trust", Reason(why: "signatures of images are not verified", isPlanned: true),
            unless: true),
        refused("runtime", Reason(why: "vmm runs the container itself")),
        refusedFlag("use-api-socket", Reason(why: "there is no docker daemon behind vmm")),
        refused("cidfile", Reason(why: "no command takes a container's identifier", isPlanned: true)),
    ]

    private static let healthChecks: [DockerOption] = refused(
        [
            "health-cmd", "health-interval", "health-retries", "health-start-interval", "health-start-period",
            "health-timeout",
        ], .healthChecks)

    private static let network: [DockerOption] =
        [
            refused("network", .networks, unless: "none"), refused("net", .networks, unless: "none"),
            refused("publish", .networks, letter: "p"), refusedFlag("publish-all", .networks, letter: "P"),
        ]
        + refused(
            [
                "add-host", "dns", "dns-option", "dns-opt", "dns-search", "ip", "ip6", "link",
                "link-local-ip", "mac-address", "net-alias", "network-alias",
            ], .networks)

    private static let files: [DockerOption] = [
        refused("volumes-from", .volumes), refused("volume-driver", .volumes),
        refused("device-cgroup-rule", .devices), refused("gpus", .devices),
    ]

    private static let process: [DockerOption] = [
        refused("attach", .attached, letter: "a"),
        refusedFlag(
            "sig-proxy",
            Reason(
                why: "signals always go to the container's process",
                cure: "Leave it out, or start vmm run in a session of its own: setsid vmm run ..."),
            unless: true),
        refused("cgroupns", .namespaces, unless: "private", ""),
        refused("ipc", .namespaces, unless: "private", "shareable", ""),
        refused("pid", .namespaces, unless: "private", ""),
        // For docker, `host` means no user namespace besides the kernel's initial one.
        refused("userns", .namespaces, unless: "host", ""),
        refused("uts", .namespaces, unless: "private", ""),
        refused("isolation", .windows, unless: "default", ""),
    ]

    private static let limits: [DockerOption] =
        refused(
            [
                "blkio-weight", "blkio-weight-device", "device-read-bps", "device-read-iops",
                "device-write-bps", "device-write-iops",
            ], .ioLimits)
        + refused(["cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"], .windows)
        + refused(["cpu-period", "cpu-quota", "cpu-rt-period", "cpu-rt-runtime"], .cpuTime)
        + refused(["cpuset-cpus", "cpuset-mems"], .cpuSets)

    private static let resources: [DockerOption] = [
        refused("cpu-shares", .cpuTime, letter: "c"),
        refused(
            "cgroup-parent",
            Reason(
                why: "vmm makes its cgroup in the one that it is started in",
                cure: "Start vmm run in the group that you want to be its parent.")),
        refused(
            "kernel-memory",
            Reason(
                why: "the guest's kernel lives in the container's memory",
                cure: "Write --memory SIZE, which bounds both.")),
        // A soft limit; the guest's memory has a fixed size, so there is nothing to reclaim.
        accepted("memory-reservation"),
        refused("memory-swappiness", .noSwap, unless: "-1", "0"),
        refusedFlag(
            "oom-kill-disable",
            Reason(why: "a guest without memory cannot go on", cure: "Give it more: --memory SIZE.")),
        refused(
            "oom-score-adj",
            Reason(
                why: "vmm leaves its own score to the host",
                cure: "choom -n NUMBER -- vmm run ... sets it for the container."),
            unless: "0"),
    ]
}
