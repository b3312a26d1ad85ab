import Host

/// Facts about this host, read from /proc and /sys.
enum HostFacts {
    enum ControlGroups {
        case unified(controllers: [String])
        case legacy
        case none
    }

    /// Reads the whole text of a file of the kernel; returns nil if the file cannot be read.
    private static func text(of path: String) -> String? {
        (try? WholeFile.read(path, upTo: 16 << 20)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Returns the number after `label` in a file of labelled lines.
    static func number(of label: String, in path: String) -> UInt64? {
        let line = text(of: path)?.split(separator: "\n").first { $0.hasPrefix(label) }
        return line?.split(separator: " ").dropFirst().first.flatMap { UInt64($0) }
    }

    static func cgroups() -> ControlGroups {
        let root = "/sys/fs/cgroup"
        let controllers = text(of: root + "/cgroup.controllers").map(words) ?? []
        if !controllers.isEmpty { return .unified(controllers: controllers) }
        let mounts = text(of: "/proc/self/mounts")?.split(separator: "\n").map { words(String($0)) } ?? []
        if mounts.contains(where: { $0.count > 2 && $0[2] == "cgroup" }) { return .legacy }
        let unified = mounts.first { $0.count > 2 && $0[2] == "cgroup2" }
        guard let unified else { return .none }
        return .unified(controllers: text(of: unified[1] + "/cgroup.controllers").map(words) ?? [])
    }

    /// Returns the number of descriptors that this process may have open.
    static func descriptorLimit() -> UInt64 {
        let line = text(of: "/proc/self/limits")?.split(separator: "\n").first {
            $0.hasPrefix("Max open files")
        }
        let words = line?.split(separator: " ") ?? []
        return words.count > 3 ? UInt64(words[3]) ?? .max : .max
    }

    private static func words(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\n" }.map(String.init)
    }
}
