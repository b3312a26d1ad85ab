import Host

/// What no container can be made of is refused where it is read, and not at each start.
extension JSONField {
    /// What Linux takes at the most of arguments and variables together, where the stack has its usual 8 MiB: a quarter of
    /// it, a pointer and a zero byte for each included (Linux, fs/exec.c, bprm_stack_limits).
    private static let commandByteLimit = 2 << 20
    /// Linux, MAX_ARG_STRLEN, less the zero byte.
    private static let textByteLimit = 131_071
    private static let mountLimit = 1000

    /// Checks all arguments and variables of a process.
    func checkCommand(_ texts: [String]) throws(Failure) {
        let byteCount = texts.reduce(0) { $0 + $1.utf8.count + 1 + MemoryLayout<UInt>.size }
        guard byteCount <= Self.commandByteLimit, texts.allSatisfy({ $0.utf8.count <= Self.textByteLimit })
        else {
            throw document.refused(
                "\(document.subject) has arguments and variables that Linux cannot start a program with: "
                    + "2 MiB in all and 128 KiB each are the most")
        }
    }

    /// Checks the number of volumes or mounts.
    func check(mountCount: Int) throws(Failure) {
        guard mountCount <= Self.mountLimit else {
            throw document.refused("\(document.subject) has more than \(Self.mountLimit) mounts")
        }
    }
}
