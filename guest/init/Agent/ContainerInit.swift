import CLinux

/// Process 1 of a container whose command does not want to be that: it never runs again but for signals, which it passes
/// on to the command. The kernel collects orphans by itself where nobody cares for SIGCHLD: wait(2), Notes.
enum ContainerInit {
    /// The number that the command has in the container: the next process that the agent makes there.
    private static let command: pid_t = 2

    /// Starts it; its number.
    static func start() throws(StartFailure) -> pid_t {
        let child = forkProcess()
        try attempt(child, "cannot make the container's first process")
        if child == 0 { run() }
        return child
    }

    private static func run() -> Never {
        _ = closeAll()
        ignoreChildren()
        // The agent has blocked them all, so that they wait to be taken.
        var all = sigset_t()
        unsafe sigfillset(&all)
        unsafe sigdelset(&all, SIGCHLD)
        while true {
            let number = unsafe sigwaitinfo(&all, nil)
            if number > 0 { kill(command, number) }
        }
    }
}
