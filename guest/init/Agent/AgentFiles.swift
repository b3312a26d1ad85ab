import CLinux

/// Files that the agent opens before the container's first process runs, and keeps: behind their names there may be something
/// else later, which waits, or leads elsewhere.
struct AgentFiles {
    /// /dev/null, for processes without an input.
    let null: Int32
    /// The directory /dev/pts.
    let terminals: Int32
    /// This program.
    let program: Int32

    /// Opens the program. The agent's root is still that of the initramfs.
    static func program() -> Int32 { unsafe openFile("/init", O_PATH) }

    /// The agent's root is the container's, which has its devices.
    init(program: Int32) throws(StartFailure) {
        self.program = program
        null = unsafe openFile("/dev/null", O_RDONLY | O_NONBLOCK | O_NOCTTY)
        var status = stat()
        guard unsafe null >= 0 && fstat(null, &status) == 0 && isCharacterDevice(&status, 1, 3) else {
            throw StartFailure(.setUp, "the container's /dev/null is none")
        }
        terminals = unsafe openFile("/dev/pts", O_PATH | O_DIRECTORY)
    }
}
