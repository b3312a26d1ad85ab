import Host

/// The limits of Linux on the arguments and variables of a program.
public enum CommandSize {
    /// The limit on all arguments and variables together if the stack has its usual 8 MiB: a quarter of it. A
    /// pointer and a zero byte count for each text (Linux, fs/exec.c, bprm_stack_limits).
    private static let byteLimit = 2 << 20
    /// The limit on one text: Linux's MAX_ARG_STRLEN without the zero byte.
    private static let textByteLimit = 131_071

    /// Returns the reason why no program can be started with `texts`; nil if one can.
    public static func problem(_ texts: [String]) -> String? {
        let overhead = 1 + MemoryLayout<UInt>.size
        var byteCount = 0
        for text in texts {
            byteCount = byteCount.addingReportingOverflow(text.utf8.count &+ overhead).partialValue
            if text.utf8.count > textByteLimit || byteCount > byteLimit {
                return "at most 2 MiB in total and 128 KiB each"
            }
        }
        return nil
    }
}

/// Checks of configurations when they are read: a container that could never start is refused at the import
/// and not at each start.
extension JSONField {
    private static let mountLimit = 1000

    /// Checks the arguments and variables of a process together.
    func checkCommand(_ texts: [String]) throws(Failure) {
        guard let problem = CommandSize.problem(texts) else { return }
        throw document.refused(
            "\(document.subject) has more arguments and variables than Linux allows: \(problem)"
        )
    }

    /// Checks the number of volumes or mounts.
    func check(mountCount: Int) throws(Failure) {
        guard mountCount <= Self.mountLimit else {
            throw document.refused("\(document.subject) has more than \(Self.mountLimit) mounts")
        }
    }
}
