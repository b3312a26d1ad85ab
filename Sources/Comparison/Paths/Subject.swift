/// What every path runs: a root file system, and how a command in it is run.
public struct Subject: Sendable {
    /// A word for file names.
    var identifier: String
    /// Whether it is the image with something of ours on top.
    var isDerived = false
    /// What the image takes in vmm's own store, in bytes.
    public var storedByteCount: Int?
    /// The image as an EROFS file system (`Image.files`); none where it is in no store.
    public var files: [String] = []
    /// As `vmm run` is told it.
    public var reference: String
    /// Directories on this host, the uppermost first; nobody writes to them.
    public var layers: [String]
    public var command: [String]
    /// NAME=VALUE each. A name alone would have an engine pass on the value that the host has.
    public var environment: [String]
    public var workingDirectory: String
    /// `user`, `uid`, `user:group`, `uid:gid`; empty for root.
    public var user: String

    public init(
        reference: String, layers: [String], command: [String], environment: [String] = [],
        workingDirectory: String = "", user: String = ""
    ) {
        identifier = "image"
        self.reference = reference
        self.layers = layers
        self.command = command
        self.environment = Self.withPath(environment.filter { $0.contains("=") })
        self.workingDirectory = workingDirectory.isEmpty ? "/" : workingDirectory
        self.user = user
    }

    /// Engines give a PATH to images that name none.
    private static func withPath(_ environment: [String]) -> [String] {
        if environment.contains(where: { $0.hasPrefix("PATH=") }) { return environment }
        return ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + environment
    }

    /// The numbers of the user and the group, looked up in the files of the image.
    var numbers: (user: Int64, group: Int64)? {
        if user.isEmpty { return (0, 0) }
        let parts = user.split(separator: ":", maxSplits: 1).map(String.init)
        let entry = line("/etc/passwd") { $0.first == parts[0] || $0.count > 2 && $0[2] == parts[0] }
        guard let number = Int64(parts[0]) ?? entry.flatMap({ $0.count > 3 ? Int64($0[2]) : nil }) else {
            return nil
        }
        guard parts.count == 2 else {
            return (number, entry.flatMap { $0.count > 3 ? Int64($0[3]) : nil } ?? 0)
        }
        let group =
            Int64(parts[1])
            ?? line("/etc/group") { $0.first == parts[1] }.flatMap { $0.count > 2 ? Int64($0[2]) : nil }
        return group.map { (number, $0) }
    }

    private func line(_ file: String, _ matches: ([String]) -> Bool) -> [String]? {
        let text = layers.lazy.compactMap { Files.text(file, in: $0) }.first ?? ""
        return text.split(separator: "\n").map { line in
            line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }.first(where: matches)
    }

    /// Where the image has the program that the command names, as its PATH finds it. It is seen from the image's root, so
    /// an absolute symbolic link counts as there.
    func program(_ name: String) -> String? {
        if name.contains("/") { return name }
        let path = environment.first { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ""
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { candidate in
            layers.contains { Files.isEntry($0 + candidate) }
        }
    }
}
