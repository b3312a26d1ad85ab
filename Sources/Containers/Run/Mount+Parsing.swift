import AgentProtocol
import Host

extension ContainerSpecification.Mount {
    /// The MS_ flags of mount(2), and the options that set or clear them.
    private static let words: [(name: String, flag: UInt32, sets: Bool)] = [
        ("ro", 1, true), ("rw", 1, false), ("nosuid", 2, true), ("suid", 2, false), ("nodev", 4, true),
        ("dev", 4, false), ("noexec", 8, true), ("exec", 8, false), ("sync", 16, true), ("async", 16, false),
        ("noatime", 1 << 10, true), ("atime", 1 << 10, false), ("nodiratime", 1 << 11, true),
        ("diratime", 1 << 11, false), ("relatime", 1 << 21, true), ("norelatime", 1 << 21, false),
        ("strictatime", 1 << 24, true),
    ]
    /// The options that tmpfs(5) parses itself.
    private static let ownOptions = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "huge", "mpol"]
    static let readOnly: UInt32 = 1
    static let bind: UInt32 = 1 << 12
    /// The flags that docker gives every tmpfs: nosuid, nodev and noexec.
    private static let usualFlags: UInt32 = 2 | 4 | 8

    /// A devtmpfs with all devices of the guest, which replaces the usual few.
    static let allDevices = Self(
        type: "devtmpfs", source: "devtmpfs", target: "/dev", flags: 2, options: "mode=0755")

    /// Parses docker's `--tmpfs`: PATH[:OPTION[,OPTION...]].
    init(temporary text: String) throws(Failure) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].hasPrefix("/") else {
            throw Self.bad(text, "its path does not begin with /")
        }
        self.init(type: "tmpfs", source: "tmpfs", target: String(parts[0]), flags: Self.usualFlags)
        for word in parts.count == 2 ? parts[1].split(separator: ",") : [] where !take(word) {
            guard Self.ownOptions.contains(where: { word.hasPrefix($0 + "=") }) else {
                throw Self.bad(text, "tmpfs has no option '\(word)'")
            }
            options += (options.isEmpty ? "" : ",") + word
        }
    }

    /// Sets or clears the flag that `word` stands for. Returns false if `word` stands for no flag.
    mutating func take(_ word: some StringProtocol) -> Bool {
        guard let known = Self.words.first(where: { $0.name == word }) else { return false }
        flags = known.sets ? flags | known.flag : flags & ~known.flag
        return true
    }

    private static func bad(_ text: String, _ why: String) -> Failure {
        .invalid(
            text, for: "--tmpfs", because: why,
            cure: "Write PATH[:OPTION,...], as in --tmpfs /run:size=64m,mode=755.")
    }
}
