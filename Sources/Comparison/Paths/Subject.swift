import CMeasure
import Host
import Measure

/// The root file system that every path runs, and the command in it.
public struct Subject: Sendable {
    /// A word that can be part of a file name.
    var identifier: String
    /// Whether vmm's own layer is on top of the image.
    var isDerived = false
    /// The storage that the image occupies in vmm's image store, in bytes.
    public var storedByteCount: Int?
    /// The image as an EROFS file system (`Image.files`); empty if it is in no store.
    public var files: [String] = []
    /// The image's name on the command line of `vmm run`.
    public var reference: String
    /// The directories of the layers on this host, the uppermost first. They are read-only by convention.
    public var layers: [String]
    public var command: [String]
    /// The environment, as NAME=VALUE. A name alone is not allowed: engines would pass the host's value.
    public var environment: [String]
    public var workingDirectory: String
    /// The user, as `user`, `uid`, `user:group` or `uid:gid`; empty for root.
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

    /// Adds the PATH that engines set for images without one.
    private static func withPath(_ environment: [String]) -> [String] {
        if environment.contains(where: { $0.hasPrefix("PATH=") }) { return environment }
        return ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"] + environment
    }

    /// The numeric user and group, looked up in the image's files; nil if they are not found.
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
        let text = layers.lazy.compactMap { Self.text(file, in: $0) }.first ?? ""
        return text.split(separator: "\n").map { line in
            line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        }.first(where: matches)
    }

    /// Reads a file of an image whose root is the directory `root`; nil unless it is a regular file. Symbolic
    /// links are resolved within that root, never to the host's files.
    private static func text(_ path: String, in root: String) -> String? {
        let number = unsafe cmeasure_open_in_root(root, path)
        guard number >= 0 else { return nil }
        let file = OwnedDescriptor(owning: number)
        return KernelFile.text("/proc/self/fd/\(file.rawValue)")
    }

    /// Returns the path of the program in the image, found by the PATH of the subject. The path is relative
    /// to the image's root, so a symbolic link with an absolute target counts as present.
    func program(_ name: String) -> String? {
        if name.contains("/") { return name }
        let path = environment.first { $0.hasPrefix("PATH=") }?.dropFirst(5) ?? ""
        return path.split(separator: ":").map { "\($0)/\(name)" }.first { candidate in
            layers.contains { FileStatus(ofLink: $0 + candidate) != nil }
        }
    }
}
