import CLinux

extension Agent {
    mutating func handle(_ request: AgentState.Request) {
        switch request {
        case .prepare(let layer): prepare(layer)
        case .identify(let identity): identify(identity)
        case .setUp(let specification): setUp(specification)
        case .start(let number, let specification): start(number, specification)
        case .signal(let number, let signal):
            if let index = running(number) { kill(processes[index].pid, Int32(signal.number)) }
        case .resize(let number, let size):
            guard let index = running(number), processes[index].streams.isTerminal else { return }
            _ = resizeTerminal(processes[index].streams.outputs[0], size.columns, size.rows)
        case .input(let number):
            if let index = running(number) { writeInput(index) }
        case .closeOutput(let number, let stream):
            guard let index = index(number), stream != .input else { return }
            closeOutput(index, stream == .error ? 1 : 0)
        case .shutdown: break
        }
    }

    /// Returns the index of the process with that number. A process whose start has failed no longer counts:
    /// its number is free.
    private func index(_ number: UInt16) -> Int? {
        processes.firstIndex { $0.number == number && !$0.hasFailed }
    }

    /// Returns the index of the process with that number if it is running. After its end its outputs may
    /// remain, but Linux may have given its process number to another process.
    private func running(_ number: UInt16) -> Int? {
        processes.firstIndex { $0.number == number && $0.exitStatus == nil && !$0.hasFailed }
    }

    // MARK: - The container

    /// Does all that is the same for every container of an image. From then until the next request, nothing
    /// of the agent's changes: the machine can be saved, and go on as any container.
    private mutating func prepare(_ layer: Preparation.Layer) {
        do throws(StartFailure) {
            writesDisk = layer == .disk
            let program = AgentFiles.program()
            let (pool, names) = try ContainerRoot(layer, device: device).enter()
            try UsualMounts.prepare(pool)
            files = try AgentFiles(program: program)
            let generator = unsafe openFile("/dev/urandom", O_RDONLY)
            try attempt(generator, "cannot open ", "/dev/urandom")
            _ = unsafe bringUpInterface("lo")
            try attempt(separateProcesses(), "cannot make a process namespace")
            prepared = Prepared(pool: pool, names: names, generator: generator)
            state.prepared()
        } catch {
            state.containerFailed(error)
        }
    }

    /// Makes the guest differ from every other one that was prepared with it. This is the first thing that a
    /// guest does that goes on from a saved one: random numbers from before must reach no container.
    private mutating func identify(_ identity: GuestIdentity) {
        var identity = identity
        do throws(StartFailure) {
            guard let prepared else { throw StartFailure(.setUp, "the container has not been prepared") }
            let isReseeded = unsafe withUnsafeMutableBytes(of: &identity.seed) { seed in
                defer { unsafe explicit_bzero(seed.baseAddress, seed.count) }
                return unsafe reseedGenerator(prepared.generator, seed.baseAddress)
            }
            try attempt(isReseeded, "cannot reseed the random generator")
            close(prepared.generator)
            // At most Int64.max, as it was decoded.
            try attempt(
                setClock(Int64(truncatingIfNeeded: identity.seconds), identity.nanoseconds),
                "cannot set the clock")
            state.identified()
        } catch {
            state.containerFailed(error)
        }
        seed = .used
        // The monitor starts no process before it has this answer.
        _ = flush()
    }

    private mutating func setUp(_ specification: ContainerSpecification) {
        do throws(StartFailure) {
            guard let prepared, let oldFiles = files else {
                throw StartFailure(.setUp, "the container has not been prepared")
            }
            let memory = try ContainerMemory(specification, in: prepared.pool)
            for note in memory.notes { state.log(note) }
            let mounts = ContainerMounts(specification, memory)
            if try mounts.adapt() {
                oldFiles.close()
                files = try AgentFiles(program: oldFiles.program)
            }
            let name = specification.hostname
            prepared.names.write(name)
            try attempt(unsafe sethostname(name, name.utf8.count), "cannot set the hostname ", name)
            startsInit = !specification.firstProcessIsInit
            self.mounts = mounts
            state.containerReady()
        } catch {
            state.containerFailed(error)
        }
    }

    // MARK: - Processes

    private mutating func start(_ number: UInt16, _ specification: ProcessSpecification) {
        switch (first, mounts, container) {
        case (.missing, let mounts?, _):
            first = .starting
            start(number, specification, .first(mounts, withInit: startsInit))
            if container == nil { first = .gone }
        case (.starting, _, _): waiting.append((number, specification))
        case (.started, _, let container?): start(number, specification, .later(container))
        default: state.failed(number, StartFailure(.setUp, "the container has ended"))
        }
    }

    private mutating func start(
        _ number: UInt16, _ specification: ProcessSpecification, _ place: ContainerProcess.Place
    ) {
        do throws(StartFailure) {
            guard let files else { throw StartFailure(.setUp, "the container has not been set up") }
            let process = try ContainerProcess(number, specification, files: files, place: place)
            if let new = process.container { container = new }
            processes.append(process)
        } catch {
            state.failed(number, error)
        }
    }

    /// Starts the processes whose requests arrived during the start of the first process.
    mutating func startWaiting() {
        guard first != .starting, !waiting.isEmpty else { return }
        let all = waiting
        waiting = []
        for (number, specification) in all { start(number, specification) }
    }

    mutating func finishStart(_ index: Int) {
        guard processes[index].start >= 0 else { return }
        switch processes[index].readStart() {
        case .pending: return
        case .done:
            if processes[index].isFirst { first = .started }
            state.started(processes[index].number)
        case .failed(let failure):
            if processes[index].isFirst { first = .gone }
            // The process is ending, but the container could stop it before its end.
            kill(processes[index].pid, SIGKILL)
            processes[index].streams.closeAll()
            processes[index].hasFailed = true
            state.failed(processes[index].number, failure)
        }
    }

    /// Collects a process that has ended. If the container's own processes keep the first process, ends the
    /// container, so that they let it go.
    mutating func collect(_ index: Int) {
        // The kernel logs a kill before the killed process is gone.
        reportKilled()
        processes[index].collect()
        if processes[index].isHeld, processes[index].isFirst { endContainer(processes[index].pid) }
    }

    /// Reports and removes the processes that have ended and whose outputs have ended.
    mutating func removeEnded() {
        var index = 0
        while index < processes.count {
            guard let status = processes[index].exitStatus else {
                index += 1
                continue
            }
            if processes[index].isFirst { endContainer(processes[index].pid) }
            processes[index].noteRest()
            for output in 0..<2 where processes[index].hasNoRest(output) { closeOutput(index, output) }
            guard processes[index].streams.haveOutputsEnded else {
                index += 1
                continue
            }
            // A failed start was reported already, and its number may be in use again.
            let process = processes.remove(at: index)
            if !process.hasFailed { state.exited(process.number, status) }
        }
    }

    /// Ends the container after its first process: the end of process 1 ends all others (pid_namespaces(7)).
    private mutating func endContainer(_ pid: pid_t) {
        first = .gone
        guard let container, container.pid != pid else { return }
        kill(container.pid, SIGKILL)
    }
}

// MARK: - Streams

extension Agent {
    mutating func readOutput(_ index: Int, _ output: Int, _ buffer: inout [UInt8]) {
        let number = processes[index].number
        let kind = ProcessStreams.kind(output)
        let descriptor = processes[index].streams.outputs[output]
        let limit = min(state.outputLimit(number, kind), buffer.count)
        guard descriptor >= 0, limit > 0 else { return }
        let count = unsafe read(descriptor, &buffer, limit)
        if count < 0, lastError() == EAGAIN { return }
        guard count > 0 else { return closeOutput(index, output) }
        unsafe buffer.withUnsafeBytes { bytes in
            unsafe state.output(number, kind, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        }
        if processes[index].hasRead(count, output) { closeOutput(index, output) }
    }

    mutating func closeOutput(_ index: Int, _ output: Int) {
        guard processes[index].streams.outputs[output] >= 0 else { return }
        processes[index].streams.closeOutput(output)
        state.endOutput(processes[index].number, ProcessStreams.kind(output))
    }

    /// Writes as much input as the process takes, and ends the input after the last byte.
    mutating func writeInput(_ index: Int) {
        let number = processes[index].number
        let descriptor = processes[index].streams.input
        guard descriptor >= 0 else { return }
        var isBroken = false
        if state.input(number) == .waiting {
            unsafe state.passInput(number) { bytes in
                let count = unsafe write(descriptor, bytes.baseAddress, bytes.count)
                if count < 0 { isBroken = lastError() != EAGAIN }
                return count
            }
        }
        if isBroken { return breakInput(index) }
        if state.input(number) == .ended { processes[index].streams.closeInput() }
    }

    /// Closes the input of a process that no longer reads it.
    mutating func breakInput(_ index: Int) {
        state.closeInput(processes[index].number)
        processes[index].streams.closeInput()
    }
}
