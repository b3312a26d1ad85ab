import AgentProtocol
import Host

/// docker's `--mount`: `type=tmpfs,target=PATH[,tmpfs-size=SIZE][,tmpfs-mode=MODE][,readonly]`, or an
/// anonymous volume, which has no source.
struct MountOption {
    private let text: String
    private var type = "volume"
    private var target = ""
    private var hasSource = false
    private var isReadOnly = false
    private var size: String?
    private var mode: String?

    init(_ text: String) throws(Failure) {
        self.text = text
        for field in text.split(separator: ",") {
            let words = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try take(String(words[0]), words.count == 2 ? String(words[1]) : nil)
        }
        guard ["tmpfs", "volume", "bind"].contains(type) else { throw bad("unknown type '\(type)'") }
        if type == "bind" || type == "volume" && hasSource { throw RunOptions.noSharedDirectories("--mount") }
        guard !hasSource else { throw bad("a tmpfs takes no source") }
        guard target.hasPrefix("/"), target != "/" else {
            throw bad("target is not an absolute path below /")
        }
    }

    private mutating func take(_ name: String, _ value: String?) throws(Failure) {
        switch name {
        case "type": type = value ?? ""
        case "target", "dst", "destination": target = value ?? ""
        case "source", "src": hasSource = true
        case "readonly", "ro": isReadOnly = value == nil || value == "true" || value == "1"
        case "tmpfs-size": size = value
        case "tmpfs-mode": mode = value
        // These fields control how docker creates or shares a volume; an anonymous volume of one container
        // needs none.
        case "volume-nocopy", "bind-propagation", "consistency": break
        default: throw bad("unknown field '\(name)'")
        }
    }

    /// The path of the anonymous volume; nil for a tmpfs.
    var volume: String? { type == "volume" ? target : nil }

    /// Makes the mount of the tmpfs; returns nil for a volume.
    func temporary() throws(Failure) -> ContainerSpecification.Mount? {
        guard type == "tmpfs" else { return nil }
        var options: [String] = []
        if let mode {
            guard let number = UInt16(mode, radix: 8), number <= 0o7777 else {
                throw bad("tmpfs-mode is not an octal mode")
            }
            options.append("mode=\(mode)")
        }
        if let size {
            guard let byteCount = Quantity.byteCount(size) else { throw bad("tmpfs-size is not a size") }
            options.append("size=\(byteCount)")
        }
        var mount = try ContainerSpecification.Mount(temporary: "/x:" + options.joined(separator: ","))
        mount.target = target
        if isReadOnly { mount.flags |= ContainerSpecification.Mount.readOnly }
        return mount
    }

    private func bad(_ why: String) -> Failure {
        .invalid(
            text, for: "--mount", because: why,
            cure: "For example: --mount type=tmpfs,target=/run,tmpfs-size=64m")
    }
}

extension RunOptions {
    /// Lists the tmpfs mounts that the options ask for, in the order in which they are mounted.
    func temporaryMounts() throws(Failure) -> [ContainerSpecification.Mount] {
        var mounts: [ContainerSpecification.Mount] = []
        if let shared = try sharedMemoryMount() { mounts.append(shared) }
        for text in temporaryFileSystems { mounts.append(try .init(temporary: text)) }
        for text in self.mounts {
            if let mount = try MountOption(text).temporary() { mounts.append(mount) }
        }
        return mounts
    }

    private func sharedMemoryMount() throws(Failure) -> ContainerSpecification.Mount? {
        guard let sharedMemory else { return nil }
        guard let byteCount = Quantity.byteCount(sharedMemory) else {
            throw .invalid(
                sharedMemory, for: "--shm-size", because: "not a size",
                cure: "Write a size such as 64m or 1g.")
        }
        // docker treats 0 as unset.
        if byteCount == 0 { return nil }
        var mount = try ContainerSpecification.Mount(temporary: "/dev/shm:mode=1777,size=\(byteCount)")
        mount.source = "shm"
        return mount
    }

    /// Lists the paths of the container's anonymous volumes.
    func anonymousVolumes() throws(Failure) -> [String] {
        for volume in volumes {
            if volume.utf8.contains(UInt8(ascii: ":")) { throw Self.noSharedDirectories("--volume") }
            guard volume.hasPrefix("/"), volume != "/" else {
                throw .invalid(
                    volume, for: "--volume", because: "not an absolute path below /",
                    cure: "Write the path of an anonymous volume, as in --volume /data.")
            }
        }
        var paths = volumes
        for text in mounts {
            if let path = try MountOption(text).volume { paths.append(path) }
        }
        return paths
    }

    /// Returns the kind of writable layer: the value of `--writable`, or else the size that docker's
    /// `--storage-opt` gives.
    func writableLayer() throws(Failure) -> String? {
        var size: String?
        for option in storageOptions {
            guard option.hasPrefix("size="), Quantity.byteCount(String(option.dropFirst(5))) != nil else {
                throw .invalid(
                    option, for: "--storage-opt", because: "only size=SIZE is supported",
                    cure: "--writable SIZE gives the container a disk of that size to write to.")
            }
            size = String(option.dropFirst(5))
        }
        return writable ?? size
    }

    static func noSharedDirectories(_ option: String) -> Failure {
        Failure(
            .usage, "\(option) is not supported yet", because: "directories of the host cannot be shared",
            cure: "Import what the container needs with its image, or pass it through standard input with -i."
        )
    }
}

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
