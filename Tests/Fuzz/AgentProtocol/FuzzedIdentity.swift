import AgentProtocol

/// /etc/passwd and /etc/group of a hostile image.
enum FuzzedIdentity {
    /// Four parts with a zero byte between them: the user, a further group, and the two files.
    static func find(_ input: ArraySlice<UInt8>) {
        let parts = input.split(separator: 0, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4 else { return }
        let (passwd, group) = (Array(parts[2]), Array(parts[3]))
        let groups = parts[1].isEmpty ? [] : [String(decoding: parts[1], as: UTF8.self)]
        let user = String(decoding: parts[0], as: UTF8.self)
        guard
            let identity = try? Identity(
                user: user, groups: groups, file: { $0 == "/etc/passwd" ? passwd : group })
        else { return }
        precondition(identity.user < 1 << 31 && identity.group < 1 << 31, "a number that the kernel refuses")
        precondition(identity.supplementaryGroups.allSatisfy { $0 < 1 << 31 } && !identity.home.isEmpty)
    }
}
