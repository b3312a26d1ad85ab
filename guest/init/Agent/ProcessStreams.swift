import CLinux

/// The agent's ends of a process's streams, and the process's ends until the process has them. -1 stands for
/// a stream that does not exist.
struct ProcessStreams {
    /// The descriptor to which the process's input is written: a pipe, or the process's terminal.
    private(set) var input: Int32 = -1
    /// The descriptors from which the process's output and errors are read. With a terminal there is only the
    /// first.
    private(set) var outputs: [Int32] = [-1, -1]
    let isTerminal: Bool
    /// The files that become the process's descriptors 0, 1 and 2.
    private(set) var given: [Int32] = []

    init(_ specification: ProcessSpecification, _ files: AgentFiles) throws(StartFailure) {
        isTerminal = specification.terminal != nil
        if let size = specification.terminal {
            try openTerminal(size, files)
        } else {
            try openPipes(files, hasInput: specification.hasInput)
        }
    }

    private mutating func openTerminal(_ size: TerminalSize, _ files: AgentFiles) throws(StartFailure) {
        let master = unsafe openFileIn(files.terminals, "ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        try attempt(master, "cannot open a terminal")
        outputs[0] = master
        input = master
        _ = unlockTerminal(master)
        _ = resizeTerminal(master, size.columns, size.rows)
        let terminal = CLinux.openTerminal(master)
        if terminal < 0 { closeAll() }
        try attempt(terminal, "cannot open a terminal")
        given = [terminal, terminal, terminal]
    }

    private mutating func openPipes(_ files: AgentFiles, hasInput: Bool) throws(StartFailure) {
        do throws(StartFailure) {
            if hasInput {
                let (read, write) = try Self.pipe()
                given.append(read)
                input = write
                // Input that does not fit into the pipe waits in the agent instead of in write(2).
                _ = setNonblocking(write)
            } else {
                let null = duplicate(files.null)
                try attempt(null, "cannot open ", "/dev/null")
                given.append(null)
            }
            for index in 0..<2 {
                let (read, write) = try Self.pipe()
                outputs[index] = read
                given.append(write)
                // The container may open its end for reading, too, and read the pipe empty after poll(2) has
                // reported bytes.
                _ = setNonblocking(read)
            }
        } catch {
            closeAll()
            throw error
        }
    }

    static func pipe() throws(StartFailure) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        try attempt(unsafe pipe2(&ends, O_CLOEXEC), "cannot make a pipe")
        return (ends[0], ends[1])
    }

    /// Closes the process's ends, which the process has by now.
    mutating func closeGiven() {
        for (index, descriptor) in given.enumerated() where index == 0 || descriptor != given[0] {
            close(descriptor)
        }
        given = []
    }

    mutating func closeInput() {
        // The terminal's descriptor is the output's, too.
        if input >= 0, !isTerminal { close(input) }
        input = -1
    }

    mutating func closeOutput(_ index: Int) {
        if outputs[index] >= 0 { close(outputs[index]) }
        if isTerminal { input = -1 }
        outputs[index] = -1
    }

    mutating func closeAll() {
        closeGiven()
        closeInput()
        for index in 0..<2 { closeOutput(index) }
    }

    var haveOutputsEnded: Bool { outputs[0] < 0 && outputs[1] < 0 }

    static func kind(_ index: Int) -> StreamKind { index == 0 ? .output : .error }
}
