import AgentProtocol
import Host

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
