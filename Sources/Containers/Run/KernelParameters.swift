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

extension RunOptions {
    /// Parses docker's `--sysctl KEY=VALUE` and `--domainname`.
    ///
    /// The guest's kernel belongs to the container alone, so any of its parameters may be set, not only those
    /// that docker's namespaces isolate.
    func kernelParameters() throws(Failure) -> [ContainerSpecification.KernelParameter] {
        var parameters: [ContainerSpecification.KernelParameter] = []
        if let domainname { parameters.append(.init("kernel/domainname", domainname, isRequired: true)) }
        for text in sysctls {
            let words = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard words.count == 2, let path = Self.path(ofParameter: words[0]) else {
                throw .invalid(
                    text, for: "--sysctl", because: "not KEY=VALUE with a parameter's name",
                    cure: "For example: --sysctl net.ipv4.ip_forward=1")
            }
            parameters.append(.init(path, String(words[1]), isRequired: true))
        }
        return parameters
    }

    /// Returns the path of a parameter below /proc/sys; nil if `name` is not valid. As in sysctl(8), the
    /// first separator decides: if it is a dot, dots separate and a slash stands for a dot in a name
    /// (net.ipv4.conf.eth0/1); if it is a slash, slashes separate and dots are literal.
    private static func path(ofParameter name: Substring) -> String? {
        let hasDots = name.first { $0 == "." || $0 == "/" } != "/"
        let path = hasDots ? String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 }) : String(name)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let isName = parts.allSatisfy { part in
            part.utf8.allSatisfy { isParameterByte($0) } && !["", ".", ".."].contains(part)
        }
        return isName && parts.count > 1 ? path : nil
    }

    private static func isParameterByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_-.:@".utf8.contains(byte)
        }
    }
}
