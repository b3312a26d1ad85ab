import CLinux

/// Init as the agent of a container. The agent talks to the monitor through a port, and it is the parent of
/// all processes that the monitor asks for. `AgentState` decodes the requests and encodes the answers; the
/// agent carries the requests out.
struct Agent: ~Copyable {
    let port: AgentPort
    let device: String
    let kernelLog = KernelLog()
    var state = AgentState()
    /// The results of the preparation; nil before it.
    var prepared: Prepared?
    /// The random bytes of the guest's identity.
    var seed = Seed.awaited
    var mounts: ContainerMounts?
    var processes: [ContainerProcess] = []
    /// The starts that arrived before the container's first process, which makes the container's own mounts,
    /// was running.
    var waiting: [(UInt16, ProcessSpecification)] = []
    var first = First.missing
    /// Process 1 of the container; nil before its start.
    var container: ContainerAnchor?
    /// The files that were opened before the container's first process.
    var files: AgentFiles?
    var startsInit = false
    var writesDisk = false

    /// What the preparation has made for the next steps.
    struct Prepared {
        let pool: MemoryPool
        let names: ContainerNames
        /// A descriptor of the kernel's random generator.
        let generator: Int32
    }

    /// The random bytes of the guest's identity are in the agent's memory for a moment only.
    enum Seed { case awaited, used, erased }

    enum First { case missing, starting, started, gone }

    /// The number of bytes waiting for the monitor above which the processes' outputs are not read.
    private static let outgoingLimit = 64 << 10

    /// Serves the monitor until it asks for the end, and ends the machine.
    static func run(device: String) -> Never {
        unsafe CLinux.mount("devtmpfs", "/dev", "devtmpfs", UInt(MS_NOSUID), nil)
        Console.makeSure()
        guard let port = AgentPort() else {
            Console.printLine("init: the port vmm.agent did not appear; the monitor must provide it")
            Power.off.endAtOnce(writingDisks: false)
        }
        Power.off.endAtOnce(writingDisks: serve(port, device))
    }

    /// Serves the monitor and ends the container. Returns whether there is a disk to be written at the end.
    private static func serve(_ port: consuming AgentPort, _ device: String) -> Bool {
        var agent = Agent(port: port, device: device)
        if let why = agent.serve() { Console.printLine(text("init: ", why)) }
        agent.endContainer()
        return agent.writesDisk
    }

    init(port: consuming AgentPort, device: String) {
        self.port = port
        self.device = device
        SignalQueue.blockAll()
        _ = hideFromDebuggers()
        umask(0)
    }

    /// Serves the monitor. Returns nil when the monitor asks for the end, and the reason when the connection
    /// is lost.
    private mutating func serve() -> String? {
        // This write waits for the monitor; from then on only poll(2) waits.
        guard flush() else { return "the port vmm.agent is gone" }
        _ = setNonblocking(port.descriptor.number)
        var buffer = [UInt8](repeating: 0, count: FrameHeader.payloadLimit(.data))
        do throws(ProtocolError) {
            while true {
                guard flush() else { return "the port vmm.agent is gone" }
                let events = wait()
                if events[0].revents != 0 {
                    guard receive(&buffer) else { return "the monitor is gone" }
                    let isEnd = try handleRequests()
                    if seed == .used { eraseSeed() }
                    if isEnd { return nil }
                }
                if events[1].revents != 0 { reportKilled() }
                serve(events.dropFirst(2), &buffer)
            }
        } catch {
            let why = text("the monitor broke the protocol: ", Self.reason(error))
            state.log(why)
            _ = flush()
            return why
        }
    }

    /// Handles the requests that have arrived. Returns whether the monitor asks for the end.
    @inline(never)
    private mutating func handleRequests() throws(ProtocolError) -> Bool {
        while let request = try state.next() {
            if case .shutdown = request { return true }
            handle(request)
        }
        return false
    }

    /// Overwrites the copies of the random bytes that the handling of the request has left on the stack. All
    /// other copies were overwritten already.
    private mutating func eraseSeed() {
        eraseStack()
        seed = .erased
    }

    /// The time that the container's processes may take to end, in steps of 20 ms.
    private static let endSteps = 500

    /// Ends the container's processes before the disk is written. Their namespace ends with its process 1,
    /// which waits until all others are collected, some of them by the agent.
    private func endContainer() {
        guard writesDisk, let container else { return }
        kill(container.pid, SIGKILL)
        for _ in 0..<Self.endSteps {
            while true {
                let child = waitpid(-1, nil, WNOHANG)
                if child == container.pid || child < 0 { return }
                if child == 0 { break }
            }
            var end = Self.watch(container.descriptor, POLLIN)
            unsafe poll(&end, 1, 20)
        }
    }

    /// Reports the processes that the kernel has killed for lack of memory.
    mutating func reportKilled() {
        kernelLog.readKilled { state.killed(OutOfMemory(process: $0)) }
    }

    /// Sends as much as the port takes. Returns whether the port still exists.
    mutating func flush() -> Bool {
        while !state.outgoing.isEmpty {
            guard let count = unsafe state.outgoing.withBytes({ unsafe port.send($0) }) else { return false }
            if count == 0 { return true }
            state.sent(count)
        }
        return true
    }

    private mutating func receive(_ buffer: inout [UInt8]) -> Bool {
        let count = unsafe read(port.descriptor.number, &buffer, buffer.count)
        if count > 0 {
            state.receive(buffer[..<count])
            if seed != .erased { unsafe explicit_bzero(&buffer, count) }
            return true
        }
        return count < 0 && lastError() == EAGAIN
    }

    private static func reason(_ error: ProtocolError) -> String {
        let (what, number): (String, UInt8) =
            switch error {
            case .unknownKind(let kind): ("unknown frame kind ", kind)
            case .unknownStream(let stream): ("unknown stream ", stream)
            case .tooLong(let kind): ("oversized frame of kind ", kind.rawValue)
            case .malformed(let kind): ("malformed frame of kind ", kind.rawValue)
            case .unexpected(let kind): ("unexpected frame of kind ", kind.rawValue)
            case .noCredit(let stream): ("more data than credit on stream ", stream.rawValue)
            }
        return text(what, String(number))
    }
}

// MARK: - Waiting

extension Agent {
    /// Waits for events of the port, of the kernel's log, and for each process of its start, its end, its
    /// input and its outputs. Returns the descriptors in that order.
    private mutating func wait() -> [pollfd] {
        let isFull = state.outgoing.count > Self.outgoingLimit
        let events = Int16(state.outgoing.isEmpty ? POLLIN : POLLIN | POLLOUT)
        var descriptors = [
            pollfd(fd: port.descriptor.number, events: events, revents: 0),
            Self.watch(kernelLog.descriptor, POLLIN),
        ]
        for process in processes {
            let isWatched = process.exitStatus == nil && !process.isHeld
            descriptors.append(Self.watch(process.start, POLLIN))
            descriptors.append(Self.watch(isWatched ? process.pidDescriptor : -1, POLLIN))
            // poll(2) reports a pipe without a reader, and a terminal that is being closed, without being
            // asked for it.
            let isWaiting = state.input(process.number) == .waiting
            let input = process.streams.isTerminal && !isWaiting ? -1 : process.streams.input
            descriptors.append(Self.watch(input, isWaiting ? POLLOUT : 0))
            for index in 0..<2 {
                let mayRead = !isFull && state.outputLimit(process.number, ProcessStreams.kind(index)) > 0
                descriptors.append(Self.watch(mayRead ? process.streams.outputs[index] : -1, POLLIN))
            }
        }
        let needsCare = processes.contains { $0.needsCare }
        unsafe poll(&descriptors, nfds_t(descriptors.count), needsCare ? Self.careMilliseconds : -1)
        return descriptors
    }

    private static let careMilliseconds: Int32 = 50

    private static func watch(_ descriptor: Int32, _ events: Int32) -> pollfd {
        pollfd(fd: descriptor, events: Int16(events), revents: 0)
    }

    /// Handles the events of the processes. Processes that were started since are at the end of the table and
    /// have no event yet; none has been removed.
    private mutating func serve(_ events: ArraySlice<pollfd>, _ buffer: inout [UInt8]) {
        let events = Array(events)
        for index in 0..<events.count / 5 {
            let event = { (offset: Int) in Int32(events[index * 5 + offset].revents) }
            // The monitor learns of a process's start, or of its failure, before it learns of the end.
            if event(0) != 0 || event(1) != 0 { finishStart(index) }
            for output in 0..<2 where event(3 + output) != 0 { readOutput(index, output, &buffer) }
            if event(2) & (POLLERR | POLLHUP) != 0 { breakInput(index) }
            if event(2) & POLLOUT != 0 { writeInput(index) }
            if processes[index].exitStatus == nil, event(1) != 0 || processes[index].isHeld { collect(index) }
        }
        removeEnded()
        startWaiting()
    }
}
