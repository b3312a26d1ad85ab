import CLinux

/// Process 1 of a container whose command is not process 1 itself. It passes the signals that it gets on to
/// the command. The kernel collects orphans by itself, because SIGCHLD is ignored: wait(2), Notes.
///
/// The process is this program, executed anew. It has the command's streams, environment, user and directory,
/// as docker's init has; nothing of the agent's memory; and at most the capability CAP_KILL.
enum ContainerInit {
    /// The first word of its command line.
    static let name: StaticString = "/sbin/vmm-init"
    /// The command's process number in the container: the command is the second process that the agent makes
    /// there.
    private static let command: pid_t = 2
    /// CAP_KILL, because the command may have changed its user.
    static let capabilities: UInt64 = 1 << 5

    /// Passes signals on for as long as the container lives.
    static func run() -> Never {
        _ = unsafe setProcessName("vmm-init")
        ignoreChildren()
        // Blocked signals wait until sigwaitinfo(2) takes them.
        SignalQueue.blockAll()
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe sigdelset(&all, SIGCHLD)
        while true {
            let number = unsafe sigwaitinfo(&all, nil)
            if number > 0 { kill(command, number) }
        }
    }
}
