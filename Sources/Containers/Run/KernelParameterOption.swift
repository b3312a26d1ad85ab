import AgentProtocol
import Host

extension RunOptions {
    /// docker's `--sysctl KEY=VALUE` and `--domainname`. The guest's kernel is the container's alone, so that every parameter
    /// that it has may be set, and not only those of docker's namespaces.
    func kernelParameters() throws(Failure) -> [ContainerSpecification.KernelParameter] {
        var parameters: [ContainerSpecification.KernelParameter] = []
        if let domainname { parameters.append(.init("kernel/domainname", domainname, isRequired: true)) }
        for text in sysctls {
            let words = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard words.count == 2, let path = Self.path(ofParameter: words[0]) else {
                throw .invalid(
                    text, for: "--sysctl", because: "not KEY=VALUE with a parameter's name",
                    cure: "Write as in --sysctl net.ipv4.ip_forward=1.")
            }
            parameters.append(.init(path, String(words[1]), isRequired: true))
        }
        return parameters
    }

    /// The path below /proc/sys. As sysctl(8) has it, the first separator decides: with dots a slash in a name stands for a dot
    /// (net.ipv4.conf.eth0/1), with slashes all are as they are.
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
