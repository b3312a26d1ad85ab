import AgentProtocol
import Host

/// The parameters of the guest's kernel that differ from what it starts with (sysctl(8)).
enum KernelParameters {
    typealias Parameter = ContainerSpecification.KernelParameter

    /// As programs find them on hosts that run containers. A kernel derives some from its memory, and a guest has little.
    /// Ports and ping are as docker sets them in each container's network namespace.
    private static let usual = [
        Parameter("net/ipv4/ip_unprivileged_port_start", "0"),
        Parameter("net/ipv4/ping_group_range", "0 2147483647"),
        Parameter("vm/max_map_count", "262144"),
        Parameter("fs/file-max", "9223372036854775807"),
        Parameter("fs/inotify/max_user_watches", "524288"),
        Parameter("fs/inotify/max_user_instances", "1024"),
        Parameter("kernel/pid_max", "4194304"),
    ]
    /// What docker's seccomp profile keeps from containers, because most ways to attack a kernel lead through one of them. Who
    /// may mount has user namespaces anyway. userfaultfd(2) is for privileged processes as the kernel starts.
    private static let noUserNamespaces = Parameter("user/max_user_namespaces", "0")
    private static let noUring = Parameter("kernel/io_uring_disabled", "2")

    /// The parameters for a container with the capabilities; `append` has words for the kernel's command line, where the user
    /// may have set one of them.
    static func list(
        _ capabilities: CapabilitySet, security: SecurityOptions, isPrivileged: Bool, append: String?
    ) -> [Parameter] {
        var list = usual
        if !isPrivileged, !security.hasNoFilter {
            if !capabilities.contains("SYS_ADMIN") { list.append(noUserNamespaces) }
            list.append(noUring)
        }
        let words = (append ?? "").split(whereSeparator: \.isWhitespace)
        let own = words.compactMap { word -> String? in
            let name = word.prefix { $0 != "=" }
            guard name.hasPrefix("sysctl."), name.count < word.count else { return nil }
            return name.dropFirst("sysctl.".count).split(separator: ".").joined(separator: "/")
        }
        return list.filter { !own.contains($0.path) }
    }
}

extension ProcessSpecification.ResourceLimit {
    /// As in docker's containers, by RLIMIT_ numbers: processes and signals are not counted by what the guest's memory would
    /// hold. Programs that close all files that there could be are slow with a larger soft limit.
    static let usual = [
        Self(resource: 7, soft: 1024, hard: 1 << 20),
        Self(resource: 6, soft: .max, hard: .max),
        Self(resource: 11, soft: 65536, hard: 65536),
    ]
}
