import CLinux

/// A process that the monitor has asked for, as the agent knows it.
struct ContainerProcess {
    let number: UInt16
    let pid: pid_t
    /// Readable when the process has ended: pidfd_open(2).
    let pidDescriptor: Int32
    /// Gives why the process could not be started; ends without a word when it was, because the kernel closes it at exec.
    private(set) var start: Int32
    var streams: ProcessStreams
    /// Whether the container ends with it.
    let isFirst: Bool
    private(set) var exitStatus: ExitStatus?
    /// Its start failed, and the monitor knows.
    var hasFailed = false
    /// What is still to be read of the outputs after the end.
    private var rest: [Int] = [.max, .max]

    /// Starts a process that becomes what `specification` says; with `mounts`, after the container's own were made.
    init(
        _ number: UInt16, _ specification: ProcessSpecification, mounts: ContainerMounts?
    ) throws(StartFailure) {
        var streams = try ProcessStreams(specification)
        let (start, told) = try ProcessStreams.pipe()
        var descriptor: Int32 = -1
        let pid = unsafe forkWithDescriptor(&descriptor)
        if pid == 0 {
            NewProcess(specification, streams: streams, mounts: mounts).become(telling: told)
        }
        let error = SystemError.last
        close(told)
        guard pid > 0 else {
            close(start)
            streams.closeAll()
            throw setUpFailure("cannot make a process", "", error.code)
        }
        streams.closeGiven()
        self.number = number
        self.pid = pid
        self.start = start
        self.streams = streams
        pidDescriptor = descriptor
        isFirst = mounts != nil
    }

    /// Reads how the start went; nil when it went well.
    mutating func startFailure() -> StartFailure? {
        defer {
            close(start)
            start = -1
        }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = unsafe max(0, read(start, buffer.baseAddress, 4096))
        }
        guard !bytes.isEmpty else { return nil }
        var reader = WireReader(bytes)
        return StartFailure(from: &reader) ?? StartFailure(.setUp, "the process ended before it was started")
    }

    /// Takes the end of the process from the kernel.
    mutating func collect() {
        var status: Int32 = 0
        unsafe waitpid(pid, &status, 0)
        close(pidDescriptor)
        exitStatus =
            hasExited(status)
            ? .exited(UInt8(truncatingIfNeeded: CLinux.exitStatus(status)))
            : .signaled(UInt8(truncatingIfNeeded: endingSignal(status)))
        streams.closeInput()
        // The container's end takes all its processes along, and their outputs end. Otherwise a process may live on that
        // has the outputs too: only what is in the pipes now belongs to this one. A terminal ends with its session.
        guard !isFirst, !streams.isTerminal else { return }
        for index in 0..<2 where streams.outputs[index] >= 0 {
            rest[index] = Int(readableByteCount(streams.outputs[index]))
        }
    }

    /// Notes what was read; whether that was the rest.
    mutating func hasRead(_ byteCount: Int, _ index: Int) -> Bool {
        rest[index] = rest[index] &- byteCount
        return rest[index] <= 0
    }

    func hasNoRest(_ index: Int) -> Bool { rest[index] <= 0 }
}
