import CLinux

/// A process between fork and exec: what the specification says, in the order in which each step is still allowed.
struct NewProcess {
    /// What the process becomes, and how it comes into the container's mount namespace.
    enum Role {
        /// Process 1 of the container, which makes the namespace: its command itself.
        case first(ContainerMounts)
        /// The same, but `ContainerInit`.
        case containerInit(ContainerMounts)
        /// The command beside `ContainerInit`, the descriptor of which is the first; the second ends when that runs, or gives
        /// why it does not.
        case second(Int32, waitingFor: Int32)
        /// A later process, beside process 1 with that descriptor.
        case later(Int32)
    }

    let specification: ProcessSpecification
    private let streams: ProcessStreams
    private let role: Role
    let program: Int32

    init(
        _ specification: ProcessSpecification, streams: ProcessStreams, role: Role, files: AgentFiles
    ) {
        self.specification = specification
        self.streams = streams
        self.role = role
        program = files.program
    }

    /// Turns this process into the program. If that fails, tells why and ends.
    func become(telling: Int32) -> Never {
        var failure: StartFailure
        do throws(StartFailure) {
            try prepare()
            failure = isContainerInit ? executeInit() : execute()
        } catch {
            failure = error
        }
        var writer = ByteWriter()
        failure.write(to: &writer)
        _ = unsafe writer.bytes.withUnsafeBytes { unsafe write(telling, $0.baseAddress, min($0.count, 4096)) }
        _exit(127)
    }

    private var isContainerInit: Bool {
        if case .containerInit = role { return true }
        return false
    }

    private var ownMounts: ContainerMounts? {
        switch role {
        case .first(let mounts), .containerInit(let mounts): mounts
        case .second, .later: nil
        }
    }

    private func prepare() throws(StartFailure) {
        umask(0o022)
        try enterContainer()
        try takeStreams()
        for limit in specification.limits {
            try attempt(
                setLimit(Int32(limit.resource), limit.soft, limit.hard),
                "cannot set the resource limit ", String(limit.resource))
        }
        let identity = try Identity(user: specification.user, groups: specification.groups) { file(at: $0) }
        prepareHome(identity)
        try enterDirectory()
        try ownMounts?.protectRoot()
        giveStreams(to: identity)
        if isContainerInit { holdStreams() }
        try take(identity)
    }

    private func enterContainer() throws(StartFailure) {
        switch role {
        case .first(let mounts), .containerInit(let mounts): try mounts.mountOwn()
        case .second(let process, let start):
            if let failure = StartFailure.read(from: start).failure { throw failure }
            try attempt(enterMounts(process), "cannot enter the container")
        case .later(let process): try attempt(enterMounts(process), "cannot enter the container")
        }
    }

    /// The session, its terminal, and descriptors 0 to 2, which the user may open again by name.
    private func takeStreams() throws(StartFailure) {
        setsid()
        if streams.isTerminal {
            if ownMounts != nil { try ContainerMounts.bindConsole(terminalNumber(streams.outputs[0])) }
            if !isContainerInit { try attempt(takeTerminal(streams.given[0]), "cannot take the terminal") }
        }
        for (index, descriptor) in streams.given.enumerated() {
            try attempt(dup2(descriptor, Int32(index)), "cannot hand the streams over")
        }
    }

    /// Process 1 has the command's streams by name only, for who opens /proc/1/fd/1: it would hold pipes open of which the
    /// command has let go.
    private func holdStreams() {
        for number in Int32(0)...2 {
            let stream = unsafe openFile(text("/proc/self/fd/", String(number)), O_PATH)
            // The copy stays open across exec.
            if stream >= 0 { dup2(stream, number) }
        }
    }

    private func giveStreams(to identity: Identity) {
        guard identity.user != 0 else { return }
        if streams.isTerminal {
            fchown(0, identity.user, 5)
            return
        }
        for descriptor in Int32(0)...2 {
            var status = stat()
            // Pipes are the process's own; /dev/null is not.
            guard unsafe fstat(descriptor, &status) == 0, status.st_mode & mode_t(S_IFMT) == mode_t(S_IFIFO)
            else { continue }
            fchown(descriptor, identity.user, identity.group)
        }
    }

    private func prepareHome(_ identity: Identity) {
        let has = specification.environment.contains { $0.utf8.starts(with: "HOME=".utf8) }
        clearenv()
        // The text stays where it is: putenv(3) keeps the pointer.
        for variable in specification.environment { _ = unsafe putenv(strdup(variable)) }
        if !has { unsafe setenv("HOME", identity.home, 1) }
    }

    private func enterDirectory() throws(StartFailure) {
        let path = specification.workingDirectory
        do throws(SystemError) {
            let directory = Descriptor(adopting: try ContainerPath.open(path, making: true))
            try check(fchdir(directory.number))
        } catch {
            throw setUpFailure("cannot work in ", path, error.code)
        }
    }

    /// At most a megabyte of one of the files that say who is who; nothing where there is no such file. What is no
    /// regular file is not read: it might never end.
    private func file(at path: String) -> [UInt8] {
        guard let file = try? Descriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY) else { return [] }
        var status = stat()
        guard unsafe fstat(file.number, &status) == 0, status.st_mode & mode_t(S_IFMT) == mode_t(S_IFREG)
        else { return [] }
        let byteCount = min(max(0, Int(status.st_size)), 1 << 20)
        return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            while count < byteCount {
                let more = unsafe read(
                    file.number, buffer.baseAddress?.advanced(by: count), byteCount - count)
                if more <= 0 { break }
                count += more
            }
        }
    }
}

// MARK: - Who it is, and what it may do

extension NewProcess {
    /// capabilities(7): the bounding set needs CAP_SETPCAP, the user is changed while the others are kept, and the
    /// ambient set follows the two that bound it.
    private func take(_ identity: Identity) throws(StartFailure) {
        let sets = isContainerInit ? specification.capabilities.bounded : specification.capabilities
        try dropFromBounding(sets.bounding)
        if identity.user != 0 { try attempt(keepCapabilities(), "cannot keep capabilities") }
        try attempt(
            unsafe setgroups(identity.supplementaryGroups.count, identity.supplementaryGroups),
            "cannot set the groups")
        try attempt(setresgid(identity.group, identity.group, identity.group), "cannot set the group")
        try attempt(setresuid(identity.user, identity.user, identity.user), "cannot set the user")
        if specification.noNewPrivileges || isContainerInit {
            try attempt(forbidNewPrivileges(), "cannot forbid new privileges")
        }
        // A set that cannot be given is for the kernel to cut: the bounds are what counts.
        try attempt(
            setCapabilities(sets.effective, sets.permitted, sets.inheritable), "cannot set the capabilities")
        for capability in UInt32(0)..<64 where sets.ambient >> capability & 1 == 1 {
            try attempt(raiseAmbient(capability), "cannot raise the ambient capability ", String(capability))
        }
    }

    private func dropFromBounding(_ bounding: UInt64) throws(StartFailure) {
        for capability in UInt32(0)..<64 where bounding >> capability & 1 == 0 {
            if dropFromBoundingSet(capability) == 0 { continue }
            // The first number that the kernel has no capability for.
            if lastError() == EINVAL { return }
            try attempt(-1, "cannot drop the capability ", String(capability))
        }
    }
}

extension ProcessSpecification.Capabilities {
    /// As much of them as `ContainerInit` needs.
    fileprivate var bounded: Self {
        var sets = Self(ContainerInit.capabilities & bounding)
        sets.effective &= effective
        sets.permitted = sets.effective
        return sets
    }
}

extension StartFailure {
    /// Reads how a start went: no bytes and no failure when it went well, because exec has closed the pipe; less than none
    /// when nothing can be read now.
    static func read(from pipe: Int32) -> (byteCount: Int, failure: StartFailure?) {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let byteCount = unsafe CLinux.read(pipe, &bytes, bytes.count)
        guard byteCount > 0 else { return (byteCount, nil) }
        var reader = ByteReader(bytes[..<byteCount])
        let failure = StartFailure(from: &reader)
        return (byteCount, failure ?? StartFailure(.setUp, "the process ended before it was started"))
    }
}
