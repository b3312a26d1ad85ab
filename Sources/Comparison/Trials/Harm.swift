import CHost
import Host

/// What a hostile command would try, bounded so that a host survives it.
enum Harm {
    static let processes = 1000
    static let byteCount = 512 << 20

    /// As many processes as it gets, up to a bound, that all live until the end; says how many it got.
    static func fork() {
        let count = chost_fork_many(Int32(processes))
        InsideProgram.say("got", "\(count)")
        sleep(1)
    }

    /// Takes memory and touches it, a mebibyte after the other; whoever is stopped for that says no more.
    static func fillMemory() {
        for taken in stride(from: 0, to: byteCount, by: 1 << 20) {
            // Not malloc's: what is only written to, and never read, would be left out of the program.
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

    /// Asks the kernel to panic, where it lets itself be asked.
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
