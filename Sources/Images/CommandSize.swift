/// The limits of Linux on the arguments and variables of a program.
public enum CommandSize {
    /// The limit on all of them together, where the stack has its usual 8 MiB: a quarter of it, a pointer and a zero byte for
    /// each included (Linux, fs/exec.c, bprm_stack_limits).
    private static let byteLimit = 2 << 20
    /// Linux, MAX_ARG_STRLEN, less the zero byte.
    private static let textByteLimit = 131_071

    /// Tells why no program can be started with `texts`; nil if one can.
    public static func problem(_ texts: [String]) -> String? {
        let overhead = 1 + MemoryLayout<UInt>.size
        var byteCount = 0
        for text in texts {
            byteCount = byteCount.addingReportingOverflow(text.utf8.count &+ overhead).partialValue
            if text.utf8.count > textByteLimit || byteCount > byteLimit {
                return "2 MiB in all and 128 KiB each are the most"
            }
        }
        return nil
    }
}
