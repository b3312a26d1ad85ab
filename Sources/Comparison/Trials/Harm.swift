import CHost
import CMeasure
import Host

/// The attempts of a hostile command, bounded so that a host survives them.
enum Harm {
    static let processes = 1000
    static let byteCount = 512 << 20

    /// Starts as many processes as possible, up to a bound, that all live until the end. Reports their
    /// number.
    static func fork() {
        let count = cmeasure_fork_many(Int32(processes))
        InsideProgram.say("got", "\(count)")
        sleep(1)
    }

    /// Allocates and touches memory, a mebibyte at a time, and reports the amount. If the kernel kills the
    /// process, the last report remains.
    static func fillMemory() {
        for taken in stride(from: 0, to: byteCount, by: 1 << 20) {
            // Not malloc(3): the compiler may remove an allocation that is only written and never read.
            guard
                let piece = unsafe chost_mmap(
                    nil, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            else { break }
            unsafe memset(piece, 1, 1 << 20)
            if taken % (64 << 20) == 0 { InsideProgram.say("took", "\(taken)") }
        }
        InsideProgram.say("took", "\(byteCount)")
        sleep(1)
    }

    /// Asks the kernel to panic through sysrq, if the path permits that.
    static func panic() {
        let file = unsafe chost_open("/proc/sysrq-trigger", O_WRONLY, 0)
        guard file >= 0 else {
            InsideProgram.say("panic", "refused")
            return
        }
        InsideProgram.say("panic", "asked for")
        _ = unsafe write(file, "c", 1)
        InsideProgram.say("panic", "survived")
    }
}
