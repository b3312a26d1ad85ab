import CLinux

/// Process 1 of the container: its process number, and a descriptor of it.
struct ContainerAnchor {
    let pid: pid_t
    let descriptor: Int32
}

/// A process that the monitor has asked for.
struct ContainerProcess {
    let number: UInt16
    let pid: pid_t
    /// A descriptor that becomes readable when the process has ended: pidfd_open(2).
    let pidDescriptor: Int32
    /// A pipe that holds the failure if the process could not be started. After a success it is empty and at
    /// its end, because the kernel closes the other end at exec.
    private(set) var start: Int32
    var streams: ProcessStreams
    /// Process 1 of the container if it was made for this process, with which the container ends; else nil.
    let container: ContainerAnchor?
    private(set) var exitStatus: ExitStatus?
    /// Whether the process has ended, but a tracer in the container keeps it: ptrace(2).
    private(set) var isHeld = false
    /// Whether the start failed, which was reported to the monitor.
    var hasFailed = false
    /// The number of bytes of each output that are still to be read after the process's end.
    private var rest: [Int] = [.max, .max]

    /// Starts a process for `specification` at `place`.
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
        // The container could read the pipe empty after poll(2) has reported bytes.
        _ = setNonblocking(start)
    }

    /// A new process: its number, its descriptor, and the pipe with the outcome of its start.
    private typealias Child = (pid: pid_t, descriptor: Int32, start: Int32)

    /// The place of a process in the container.
    enum Place {
        case first(ContainerMounts, withInit: Bool)
        case later(ContainerAnchor)
    }

    /// Forks a process that becomes `new`.
    private static func fork(_ new: NewProcess) throws(StartFailure) -> Child {
        let (start, report) = try ProcessStreams.pipe()
        var descriptor: Int32 = -1
        let pid = unsafe forkWithDescriptor(&descriptor)
        if pid == 0 { new.become(reportingTo: report) }
        let error = SystemError.last
        close(report)
        guard pid > 0 else {
            close(start)
            throw setUpFailure("cannot make a process", "", error.code)
        }
        return (pid, descriptor, start)
    }

    var isFirst: Bool { container != nil }

    /// The outcome of a start, or `pending`.
    enum Start {
        case pending, done
        case failed(StartFailure)
    }

    /// Reads the outcome of the start.
    mutating func readStart() -> Start {
        let (byteCount, failure) = StartFailure.read(from: start)
        if byteCount < 0, lastError() == EAGAIN { return .pending }
        close(start)
        start = -1
        return failure.map { .failed($0) } ?? .done
    }

    /// Collects the process without waiting: the kernel gives the end of a traced process to its tracer
    /// first.
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

    /// Limits the bytes to be read from pipes to those that they hold now. Another process may live on that
    /// has the pipes open too, and its output does not belong to this process. The end of the first process
    /// ends all others and thereby their outputs, and a terminal ends with its session.
    mutating func noteRest() {
        guard exitStatus != nil, !isFirst, !streams.isTerminal else { return }
        for index in 0..<2 where streams.outputs[index] >= 0 {
            rest[index] = min(rest[index], Int(readableByteCount(streams.outputs[index])))
        }
    }

    /// Whether the process may change without an event, so that the agent must look at it regularly.
    var needsCare: Bool { isHeld || exitStatus != nil && !isFirst && !streams.isTerminal }

    /// Counts bytes that were read. Returns whether they were the last.
    mutating func hasRead(_ byteCount: Int, _ index: Int) -> Bool {
        rest[index] = rest[index] &- byteCount
        return rest[index] <= 0
    }

    func hasNoRest(_ index: Int) -> Bool { rest[index] <= 0 }
}
