import AgentProtocol
import Host

/// The parameters of the guest's kernel that a container sets to other values than the kernel's defaults
/// (sysctl(8)).
enum KernelParameters {
    typealias Parameter = ContainerSpecification.KernelParameter

    /// The values that programs find on hosts that run containers. The kernel derives some of its defaults
    /// from the size of its memory, and a guest has little. The values for ports and ping are those that
    /// docker sets in each container's network namespace.
    private static let usual = [
        Parameter("net/ipv4/ip_unprivileged_port_start", "0"),
        Parameter("net/ipv4/ping_group_range", "0 2147483647"),
        Parameter("vm/max_map_count", "262144"),
        Parameter("fs/file-max", "9223372036854775807"),
        Parameter("fs/inotify/max_user_watches", "524288"),
        Parameter("fs/inotify/max_user_instances", "1024"),
        Parameter("kernel/pid_max", "4194304"),
    ]
    /// Replaces a part of docker's seccomp profile: most attacks on a kernel go through user namespaces or
    /// io_uring. A container with CAP_SYS_ADMIN may create user namespaces under docker too. userfaultfd(2)
    /// needs no parameter: by default the kernel allows it to privileged processes only.
    private static let noUserNamespaces = Parameter("user/max_user_namespaces", "0")
    private static let noUring = Parameter("kernel/io_uring_disabled", "2")

    /// Lists the parameters for a container with `capabilities`.
    ///
    /// `append` is the user's addition to the kernel's command line. A parameter that it sets
    /// (`sysctl.NAME=VALUE`) is left out of the list.
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
    /// The limits that docker's containers have: open files, processes and pending signals. The kernel would
    /// derive the last two from the guest's memory. A larger soft limit of open files slows down programs
    /// that close every possible descriptor.
    static let usual = [
        Self(resource: 7, soft: 1024, hard: 1 << 20),
        Self(resource: 6, soft: .max, hard: .max),
        Self(resource: 11, soft: 65536, hard: 65536),
    ]
}
