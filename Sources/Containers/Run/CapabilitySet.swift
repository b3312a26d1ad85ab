import Host

/// A set of capabilities (capabilities(7)). Names are accepted with and without CAP_, in either case.
struct CapabilitySet: Equatable {
    /// The bit of each capability is its number.
    private(set) var bits: UInt64

    /// The capabilities that docker gives a container by default.
    static let usual = CapabilitySet(bits: 0xA804_25FB)
    static let all = CapabilitySet(bits: (1 << UInt64(names.count)) - 1)

    /// The names of the capabilities, indexed by number (linux/capability.h).
    private static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK",
        "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN",
        "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
        "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND",
        "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ]

    private init(bits: UInt64) { self.bits = bits }

    /// Makes the usual set with `added` and without `dropped`.
    ///
    /// ALL stands for every capability. If ALL is added, the set is every capability except those dropped by
    /// name; if ALL is dropped, the set is exactly those added by name.
    init(adding added: [String], dropping dropped: [String]) throws(Failure) {
        let (more, less) = (try Self.bits(added, "--cap-add"), try Self.bits(dropped, "--cap-drop"))
        if more == Self.all.bits {
            bits = less == Self.all.bits ? Self.all.bits : more & ~less
        } else if less == Self.all.bits {
            bits = more
        } else {
            bits = Self.usual.bits & ~less | more
        }
    }

    /// Makes the set of the capabilities in `names`.
    init(only names: [String]) throws(Failure) { bits = try Self.bits(names, "a capability of the bundle") }

    /// The names of the capabilities in `bits`, without CAP_.
    static func names(_ bits: UInt64) -> [String] {
        names.enumerated().filter { bits >> UInt64($0.offset) & 1 == 1 }.map(\.element)
    }

    /// Whether the set contains the capability `name`, written in capitals and without CAP_.
    func contains(_ name: String) -> Bool {
        Self.names.firstIndex(of: name).map { bits >> UInt64($0) & 1 == 1 } ?? false
    }

    private static func bits(_ names: [String], _ option: String) throws(Failure) -> UInt64 {
        var bits: UInt64 = 0
        for name in names { bits |= try Self.bits(of: name, option) }
        return bits
    }

    private static func bits(of text: String, _ option: String) throws(Failure) -> UInt64 {
        var name = text.uppercased()
        if name == "ALL" { return all.bits }
        if name.hasPrefix("CAP_") { name.removeFirst(4) }
        for (number, known) in names.enumerated() where known == name { return 1 << UInt64(number) }
        throw .invalid(
            text, for: option, because: "no such capability",
            cure: "capabilities(7) lists them; ALL is every one.")
    }
}
