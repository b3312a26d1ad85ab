import CLinux

/// The files that the agent opens before the container's first process runs, and keeps open. Later their
/// names may lead to another file, or to one whose open blocks.
struct AgentFiles {
    /// The container's /dev/null, for processes without an input.
    let null: Int32
    /// The container's directory /dev/pts.
    let terminals: Int32
    /// The file of this program.
    let program: Int32

    /// Opens the file of this program. The agent's root must still be that of the initramfs.
    static func program() -> Int32 { unsafe openFile("/init", O_PATH) }

    /// Opens the other files. The agent's root must be the container's, with its devices.
    init(program: Int32) throws(StartFailure) {
        self.program = program
        null = unsafe openFile("/dev/null", O_RDONLY | O_NONBLOCK | O_NOCTTY)
        var status = stat()
        guard unsafe null >= 0 && fstat(null, &status) == 0 && isCharacterDevice(&status, 1, 3) else {
            throw StartFailure(.setUp, "the container's /dev/null is not the null device")
        }
        terminals = unsafe openFile("/dev/pts", O_PATH | O_DIRECTORY)
    }

    func close() {
        CLinux.close(null)
        CLinux.close(terminals)
    }
}
