public import Arguments
public import Containers

/// The options of `docker run` that vmm accepts without effect, or refuses with a reason, including those
/// that docker's help hides. docs/docker-options.md lists all of them; `DockerOptionTests` checks that the
/// two agree.
extension RunOptions {
    public mutating func declareForeign(_ options: inout Options) {
        refuseNetworks(&options)
        acceptRest(&options)
        refuseProcessOptions(&options)
        refuseFiles(&options)
        refuseLimits(&options)
        refuseResources(&options)
    }

    private func refuseNetworks(_ options: inout Options) {
        options.refused("network", .networks, unless: ["none"])
        options.refused("net", .networks, unless: ["none"])
        options.refused("publish", letter: "p", .networks)
        options.refusedFlag("publish-all", letter: "P", .networks)
        for name in [
            "add-host", "dns", "dns-option", "dns-opt", "dns-search", "ip", "ip6", "link", "link-local-ip",
            "mac-address", "net-alias", "network-alias",
        ] { options.refused(name, .networks) }
    }

    private func acceptRest(_ options: inout Options) {
        options.ignoredFlag("no-healthcheck")
        options.ignoredNumber("stop-timeout")
        // A soft limit; the guest's memory has a fixed size, so there is nothing to reclaim.
        for name in ["annotation", "detach-keys", "expose", "log-opt", "memory-reservation"] {
            options.ignored(name)
        }
        options.refused(
            "log-driver",
            RefusalReason("the container's output goes to standard output and standard error"),
            unless: ["none", "json-file", "local"])
        options.refused(
            "platform", RefusalReason("the guest's kernel runs programs for linux/amd64 only"),
            unless: ["linux/amd64", "linux/x86_64", "linux", "amd64", "x86_64"])
        options.refusedFlag(
            "disable-content-trust", RefusalReason("signatures of images are not verified", isPlanned: true),
            unless: true)
    }

    private func refuseProcessOptions(_ options: inout Options) {
        options.refusedFlag("detach", letter: "d", .background)
        options.refused("restart", .background, unless: ["no", ""])
        options.refused("runtime", RefusalReason("vmm runs the container itself"))
        options.refusedFlag("use-api-socket", RefusalReason("there is no docker daemon behind vmm"))
        options.refused(
            "cidfile", RefusalReason("no command takes a container's identifier", isPlanned: true))
        options.refused(
            "attach", letter: "a",
            RefusalReason(
                "both outputs are always attached", cure: "Leave it out; -i attaches the input."))
        options.refusedFlag(
            "sig-proxy",
            RefusalReason(
                "signals always go to the container's process",
                cure: "Leave it out, or start vmm run in a session of its own: setsid vmm run ..."),
            unless: true)
        options.refused("cgroupns", .namespaces, unless: ["private", ""])
        options.refused("ipc", .namespaces, unless: ["private", "shareable", ""])
        options.refused("pid", .namespaces, unless: ["private", ""])
        // For docker, `host` means no user namespace besides the kernel's initial one.
        options.refused("userns", .namespaces, unless: ["host", ""])
        options.refused("uts", .namespaces, unless: ["private", ""])
        options.refused("isolation", .windows, unless: ["default", ""])
        for name in ["cmd", "interval", "retries", "start-interval", "start-period", "timeout"] {
            options.refused("health-" + name, .healthChecks)
        }
    }

    private func refuseFiles(_ options: inout Options) {
        options.refused("volumes-from", .volumes)
        options.refused("volume-driver", .volumes)
        options.refused("device-cgroup-rule", .devices)
        options.refused("gpus", .devices)
    }

    private func refuseLimits(_ options: inout Options) {
        for name in [
            "blkio-weight", "blkio-weight-device", "device-read-bps", "device-read-iops", "device-write-bps",
            "device-write-iops",
        ] { options.refused(name, .ioLimits) }
        for name in ["cpu-count", "cpu-percent", "io-maxbandwidth", "io-maxiops"] {
            options.refused(name, .windows)
        }
        for name in ["cpu-period", "cpu-quota", "cpu-rt-period", "cpu-rt-runtime"] {
            options.refused(name, .cpuTime)
        }
        options.refused("cpu-shares", letter: "c", .cpuTime)
        for name in ["cpuset-cpus", "cpuset-mems"] { options.refused(name, .cpuSets) }
    }

    private func refuseResources(_ options: inout Options) {
        options.refused(
            "cgroup-parent",
            RefusalReason(
                "vmm makes its cgroup in the one that it is started in",
                cure: "Start vmm run in the group that you want to be its parent."))
        options.refused(
            "kernel-memory",
            RefusalReason(
                "the guest's kernel lives in the container's memory",
                cure: "Write --memory SIZE, which bounds both."))
        options.refused("memory-swappiness", .noSwap, unless: ["-1", "0"])
        options.refusedFlag(
            "oom-kill-disable",
            RefusalReason("a guest without memory cannot go on", cure: "Give it more: --memory SIZE."))
        options.refused(
            "oom-score-adj",
            RefusalReason(
                "vmm leaves its own score to the host",
                cure: "choom -n NUMBER -- vmm run ... sets it for the container."),
            unless: ["0"])
    }
}

extension RefusalReason {
    fileprivate static let networks = RefusalReason(
        "a container has no network but its loopback interface",
        cure: "Leave it out, or write --network none.", isPlanned: true)
    fileprivate static let volumes = RefusalReason(
        "directories of the host cannot be shared",
        cure: "Import what the container needs with its image, or pass it through standard input with -i.",
        isPlanned: true)
    fileprivate static let background = RefusalReason(
        "a container runs as long as its vmm", cure: "Start vmm run in the background: vmm run ... &",
        isPlanned: true)
    fileprivate static let ioLimits = RefusalReason(
        "nothing limits a container's disk input and output", isPlanned: true)
    fileprivate static let healthChecks = RefusalReason("nothing runs health checks", isPlanned: true)
    fileprivate static let devices = RefusalReason(
        "devices of the host cannot be given to a guest", isPlanned: true)
    fileprivate static let namespaces = RefusalReason(
        "a container has a kernel of its own, and shares no namespace with the host or with others")
    fileprivate static let windows = RefusalReason("it is for containers of Windows")
    fileprivate static let cpuTime = RefusalReason(
        "CPU time is limited by a number of CPUs", cure: "Write --cpus NUMBER, as in --cpus 1.5.")
    fileprivate static let cpuSets = RefusalReason(
        "vmm does not choose the host's CPUs",
        cure: "taskset -c LIST vmm run ... does; --cpus limits their time.")
    fileprivate static let noSwap = RefusalReason(
        "a guest has no swap", cure: "Give the container the memory that it needs: --memory SIZE.")
}
