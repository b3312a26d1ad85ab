import Host

/// A mounted cgroup hierarchy (cgroups(7)) that contains a cgroup of this process.
struct CgroupHierarchy: Equatable {
    /// Whether the hierarchy is of version 2.
    let isUnified: Bool
    /// The controllers of a version 1 hierarchy. Empty for version 2, where `cgroup.controllers` of each
    /// cgroup lists them.
    let controllers: [String]
    let mountPoint: String
    /// The cgroup of this process, relative to the mount point: empty for the mount point itself.
    let ownGroup: String

    /// The directory of this process's cgroup.
    var ownPath: String { mountPoint + ownGroup }

    /// Whether a cgroup of the hierarchy can have a limit of `controller`.
    func has(_ controller: String) -> Bool {
        let own = isUnified ? CgroupDirectory.words(ownPath + "/cgroup.controllers") : controllers
        return own.contains(controller)
            || isUnified && CgroupDirectory.words(mountPoint + "/cgroup.controllers").contains(controller)
    }

    static func ofThisProcess() -> [CgroupHierarchy] {
        list(mounts: text("/proc/self/mountinfo"), groups: text("/proc/self/cgroup"))
    }

    private static func text(_ path: String) -> String {
        String(decoding: (try? WholeFile.read(path, upTo: 4 << 20)) ?? [], as: UTF8.self)
    }

    /// Parses /proc/self/mountinfo (proc_pid_mountinfo(5)) and /proc/self/cgroup (cgroups(7)).
    static func list(mounts: String, groups: String) -> [CgroupHierarchy] {
        var found: [CgroupHierarchy] = []
        for line in mounts.split(separator: "\n") {
            guard let hierarchy = hierarchy(line, groups),
                !found.contains(where: { $0.isSame(as: hierarchy) })
            else { continue }
            found.append(hierarchy)
        }
        return found
    }

    /// Whether `other` is the same hierarchy. A hierarchy may be mounted several times; the first mount is
    /// used.
    private func isSame(as other: CgroupHierarchy) -> Bool {
        isUnified == other.isUnified && controllers == other.controllers
    }

    /// Parses a line of mountinfo:
    ///
    /// `ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS [TAG...] - TYPE SOURCE SUPER-OPTIONS`
    private static func hierarchy(_ line: Substring, _ groups: String) -> CgroupHierarchy? {
        let words = line.split(separator: " ")
        guard let dash = words.firstIndex(of: "-"), dash >= 6, words.count >= dash + 4 else { return nil }
        let (root, mountPoint) = (unescaped(words[3]), unescaped(words[4]))
        let options = words[dash + 3].split(separator: ",").map(String.init)
        switch words[dash + 1] {
        case "cgroup2":
            guard let group = group(groups, { $0 == "" }), let own = below(root, group) else { return nil }
            return CgroupHierarchy(isUnified: true, controllers: [], mountPoint: mountPoint, ownGroup: own)
        case "cgroup":
            let controllers = options.filter { Self.known.contains($0) }
            guard let first = controllers.first,
                let group = group(groups, { $0.split(separator: ",").contains(first[...]) }),
                let own = below(root, group)
            else { return nil }
            return CgroupHierarchy(
                isUnified: false, controllers: controllers, mountPoint: mountPoint, ownGroup: own)
        default: return nil
        }
    }

    private static let known = ["cpu", "memory", "pids"]

    /// Returns the cgroup on the first line `ID:CONTROLLERS:GROUP` whose controllers satisfy `isWanted`.
    private static func group(_ text: String, _ isWanted: (Substring) -> Bool) -> String? {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            if words.count == 3, isWanted(words[1]) { return String(words[2]) }
        }
        return nil
    }

    /// Returns `group` relative to `root`, the directory that is mounted; nil if `group` is not below `root`.
    private static func below(_ root: String, _ group: String) -> String? {
        if root == "/" { return group == "/" ? "" : group }
        if group == root { return "" }
        return group.hasPrefix(root + "/") ? String(group.dropFirst(root.count)) : nil
    }

    /// Decodes the octal escapes of spaces and other separators: a backslash and three digits.
    private static func unescaped(_ word: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = word.utf8[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(rest.prefix(3)) ?? "", radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
