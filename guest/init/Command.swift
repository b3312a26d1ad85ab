import CLinux

/// The program that the machine was started to run.
struct Command {
    let arguments: [String]

    /// Makes the command of the kernel command line's words. No words mean an interactive shell, and one word
    /// with spaces in it is a line for the shell. Other words are a program, looked up in `PATH`, and its
    /// arguments.
    init(_ words: [String]) {
        switch words.count {
        case 0: arguments = ["/bin/sh"]
        case 1 where words[0].utf8.contains(UInt8(ascii: " ")): arguments = ["/bin/sh", "-c", words[0]]
        default: arguments = words
        }
    }

    /// Starts the command in a session of its own, with the console as its controlling terminal. Returns its
    /// process number.
    func start() throws(SystemError) -> pid_t {
        let child = try check(forkProcess())
        if child == 0 { become() }
        return child
    }

    /// Turns this process, a child of init, into the command. 126 and 127 are a shell's statuses for a
    /// program that cannot be run and for one that does not exist: POSIX.1-2017, 2.8.2.
    private func become() -> Never {
        SignalQueue.unblockAll()
        setsid()
        _ = takeTerminal(0)
        execute(arguments)
        if lastError() == ENOENT && !arguments[0].utf8.contains(UInt8(ascii: "/")) {
            // Most of busybox's programs have no file; its shell runs them.
            execute(["/bin/sh", "-c", "exec \"$@\"", "sh"] + arguments)
        }
        let error = SystemError.last
        Console.printLine("init: cannot run \(arguments[0]): \(error.reason)")
        _exit(error.code == ENOENT ? 127 : 126)
    }

    /// Executes the program. Returns only if that fails.
    private func execute(_ words: [String]) {
        var pointers = unsafe words.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        unsafe execvp(pointers[0], pointers)
    }

    /// Sets the environment variables that programs expect. The kernel has set `HOME=/`, `TERM=linux` and the
    /// parameters that it does not know.
    static func prepareEnvironment() {
        unsafe setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 0)
        unsafe setenv("HOME", "/root", 1)
    }
}
