import CLinux

/// Process 1 of a container whose command does not want to be that. It passes the signals that it gets on to the command.
/// The kernel collects orphans by itself where nobody cares for SIGCHLD: wait(2), Notes.
///
/// It is this program once more, executed anew: it has the command's streams, environment, user and directory, as docker's
/// init has, nothing of the agent's memory, and of all capabilities at most CAP_KILL.
enum ContainerInit {
    /// The name that it is executed by: the first word of its command line.
    static let name: StaticString = "/sbin/vmm-init"
    /// The command's number in the container: the second process that the agent makes there.
    private static let command: pid_t = 2
    /// CAP_KILL: the command may have changed its user.
    static let capabilities: UInt64 = 1 << 5

    /// Serves for as long as the container lives.
    static func run() -> Never {
        _ = unsafe setProcessName("vmm-init")
        ignoreChildren()
        // All are blocked, so that they wait to be taken.
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
