import Host

/// The `config.json` of an OCI bundle (OCI runtime 1.0), like the output of the runtimes' `spec` command: the
/// default namespaces, mounts, capabilities and masked paths of a container.
struct BundleSpecification {
    let subject: Subject
    let command: [String]
    let root: String
    /// The cgroup, relative to the root of the hierarchy; nil leaves it to the runtime.
    let controlGroup: String?

    var json: JSON {
        .object([
            ("ociVersion", .string("1.0.2")), ("process", process),
            ("root", .object([("path", .string(root)), ("readonly", .boolean(false))])),
            ("hostname", .string("compare")), ("mounts", .array(Self.mounts)), ("linux", linux),
        ])
    }

    private var process: JSON {
        let user = subject.numbers ?? (0, 0)
        let capabilities = JSON.strings(["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"])
        return .object([
            ("terminal", .boolean(false)),
            ("user", .object([("uid", .integer(Int(user.user))), ("gid", .integer(Int(user.group)))])),
            ("args", .strings(command)), ("env", .strings(subject.environment)),
            ("cwd", .string(subject.workingDirectory)),
            (
                "capabilities",
                .object(["bounding", "effective", "permitted"].map { ($0, capabilities) })
            ),
            (
                "rlimits",
                .array([
                    .object([
                        ("type", .string("RLIMIT_NOFILE")), ("hard", .integer(1024)),
                        ("soft", .integer(1024)),
                    ])
                ])
            ),
            ("noNewPrivileges", .boolean(true)),
        ])
    }

    private static func mount(_ place: String, _ type: String, _ source: String, _ options: String) -> JSON {
        let words = options.split(separator: ",").map(String.init)
        return .object([
            ("destination", .string(place)), ("type", .string(type)), ("source", .string(source)),
            ("options", .strings(words)),
        ])
    }

    private static let mounts: [JSON] = [
        mount("/proc", "proc", "proc", ""),
        mount("/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k"),
        mount("/dev/pts", "devpts", "devpts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
        mount("/dev/shm", "tmpfs", "shm", "nosuid,noexec,nodev,mode=1777,size=65536k"),
        mount("/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev"),
        mount("/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro"),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid,noexec,nodev,relatime,ro"),
    ]

    private var linux: JSON {
        let namespaces = ["pid", "network", "ipc", "uts", "mount"]
        var members: [(String, JSON)] = [
            (
                "resources",
                .object([
                    (
                        "devices",
                        .array([.object([("allow", .boolean(false)), ("access", .string("rwm"))])])
                    )
                ])
            ),
            ("namespaces", .array(namespaces.map { .object([("type", .string($0))]) })),
            ("maskedPaths", .strings(Self.maskedPaths)),
            ("readonlyPaths", .strings(Self.readOnlyPaths)),
        ]
        if let controlGroup { members.append(("cgroupsPath", .string(controlGroup))) }
        return .object(members)
    }

    private static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
        "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
    ]
    private static let readOnlyPaths = [
        "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
    ]
}
