import CLinux

/// How the machine ends: reboot(2).
enum Power {
    case off
    case restart
    case halt

    /// What process 1 is asked for by a signal, as busybox's `poweroff`, `reboot` and `halt` send them, Ctrl-Alt-Del
    /// (`SIGINT`) and a failing power supply (`SIGPWR`).
    init?(signal: Int32) {
        switch signal {
        case SIGUSR2, SIGPWR: self = .off
        case SIGTERM, SIGINT: self = .restart
        case SIGUSR1: self = .halt
        default: return nil
        }
    }

    /// Writes everything to the disks and the console, and ends the machine.
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
        // Only a machine that cannot do what it was asked for comes here.
        Console.say("init: the machine could not be ended: \(SystemError.last.reason)")
        while true { pause() }
    }
}
