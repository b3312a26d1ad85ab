import CLinux

/// Process 1 of the container: its number in Linux, and a descriptor of it.
struct ContainerAnchor {
    let pid: pid_t
    let descriptor: Int32
}

/// A process that the monitor has asked for, as the agent knows it.
struct ContainerProcess {
    let number: UInt16
    let pid: pid_t
    /// Readable when the process has ended: pidfd_open(2).
    let pidDescriptor: Int32
    /// Gives why the process could not be started; ends without a word when it was, because the kernel closes it at exec.
    private(set) var start: Int32
    var streams: ProcessStreams
    /// Process 1 of the container, if it was made with this process: the container ends with it.
    let container: ContainerAnchor?
    private(set) var exitStatus: ExitStatus?
    /// It has ended, but a process of the container's traces it and keeps it: ptrace(2).
    private(set) var isHeld = false
    /// Its start failed, and the monitor knows.
    var hasFailed = false
    /// What is still to be read of the outputs after the end.
    private var rest: [Int] = [.max, .max]

    /// Starts a process that becomes what `specification` says, at `place`.
    init(
        _ number: UInt16, _ specification: ProcessSpecification, files: AgentFiles, place: Place
    ) throws(StartFailure) {
        var streams = try ProcessStreams(specification, files)
        do throws(StartFailure) {
            let start = { (role: NewProcess.Role) throws(StartFailure) in
                try Self.fork(NewProcess(specification, streams: streams, role: role, files: files))
            }
            let child: Child
            switch place {
            case .later(let anchor):
                child = try start(.later(anchor.descriptor))
                container = nil
            case .first(let mounts, withInit: false):
                child = try start(.first(mounts))
                container = ContainerAnchor(pid: child.pid, descriptor: duplicate(child.descriptor))
            case .first(let mounts, withInit: true):
                let first = try start(.containerInit(mounts))
                let words = Descriptor(adopting: first.start)
                child = try start(.second(first.descriptor, waitingFor: words.number))
                container = ContainerAnchor(pid: first.pid, descriptor: first.descriptor)
            }
            self.number = number
            (pid, pidDescriptor, self.start) = (child.pid, child.descriptor, child.start)
        } catch {
            streams.closeAll()
            throw error
        }
        streams.closeGiven()
        self.streams = streams
        // The container could take what is in the pipe after poll(2) has seen it.
        _ = setNonblocking(start)
    }

    /// A new process: its number, its descriptor, and a pipe that says how its start goes.
    private typealias Child = (pid: pid_t, descriptor: Int32, start: Int32)

    /// Where a process comes.
    enum Place {
        case first(ContainerMounts, withInit: Bool)
        case later(ContainerAnchor)
    }

    /// Starts a process that becomes `new`.
    private static func fork(_ new: NewProcess) throws(StartFailure) -> Child {
        let (start, told) = try ProcessStreams.pipe()
        var descriptor: Int32 = -1
        let pid = unsafe forkWithDescriptor(&descriptor)
        if pid == 0 { new.become(telling: told) }
        let error = SystemError.last
        close(told)
        guard pid > 0 else {
            close(start)
            throw setUpFailure("cannot make a process", "", error.code)
        }
        return (pid, descriptor, start)
    }

    var isFirst: Bool { container != nil }

    /// How a start went, or that nothing was said yet.
    enum Start {
        case pending, done
        case failed(StartFailure)
    }

    /// Reads how the start went.
    mutating func readStart() -> Start {
        let (byteCount, failure) = StartFailure.read(from: start)
        if byteCount < 0, lastError() == EAGAIN { return .pending }
        close(start)
        start = -1
        return failure.map { .failed($0) } ?? .done
    }

    /// Takes the end of the process from the kernel. It never waits: a process that another one traces is that one's first.
    mutating func collect() {
        var status: Int32 = 0
        let collected = unsafe waitpid(pid, &status, WNOHANG)
        isHeld = collected == 0
        guard !isHeld else { return }
        close(pidDescriptor)
        exitStatus =
            hasExited(status)
            ? .exited(UInt8(truncatingIfNeeded: CLinux.exitStatus(status)))
            : .signaled(UInt8(truncatingIfNeeded: endingSignal(status)))
        streams.closeInput()
        noteRest()
    }

    /// The container's end takes all its processes along, and their outputs end. Otherwise a process may live on that has
    /// the outputs too, and read from them: only what is in the pipes belongs to this one. A terminal ends with its session.
    mutating func noteRest() {
        guard exitStatus != nil, !isFirst, !streams.isTerminal else { return }
        for index in 0..<2 where streams.outputs[index] >= 0 {
            rest[index] = min(rest[index], Int(readableByteCount(streams.outputs[index])))
        }
    }

    /// Whether something may come of it without a word from the kernel: it is looked after again and again.
    var needsCare: Bool { isHeld || exitStatus != nil && !isFirst && !streams.isTerminal }

    /// Notes what was read; whether that was the rest.
    mutating func hasRead(_ byteCount: Int, _ index: Int) -> Bool {
        rest[index] = rest[index] &- byteCount
        return rest[index] <= 0
    }

    func hasNoRest(_ index: Int) -> Bool { rest[index] <= 0 }
}
