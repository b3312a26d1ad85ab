import CLinux

/// A way to end the machine: reboot(2).
enum Power {
    case off
    case restart
    case halt

    /// Makes the request that a signal to process 1 stands for: the signals of busybox's `poweroff`, `reboot`
    /// and `halt`, of Ctrl-Alt-Del (`SIGINT`) and of a failing power supply (`SIGPWR`). Nil for other
    /// signals.
    init?(signal: Int32) {
        switch signal {
        case SIGUSR2, SIGPWR: self = .off
        case SIGTERM, SIGINT: self = .restart
        case SIGUSR1: self = .halt
        default: return nil
        }
    }

    /// Waits for the console's output, writes the disks and ends the machine.
    func end() -> Never {
        Console.drain()
        endAtOnce(writingDisks: true)
    }

    /// Ends the machine without waiting for the console.
    func endAtOnce(writingDisks: Bool) -> Never {
        if writingDisks { sync() }
        switch self {
        case .off: reboot(RB_POWER_OFF)
        case .restart: reboot(RB_AUTOBOOT)
        case .halt: reboot(Int32(bitPattern: RB_HALT_SYSTEM))
        }
        // The calls above return only on a machine that cannot end that way.
        Console.printLine("init: the machine could not be ended: \(SystemError.last.reason)")
        while true { pause() }
    }
}
