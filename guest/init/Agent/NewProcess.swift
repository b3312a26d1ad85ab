import CLinux

/// A process between fork and exec. It carries out the steps of its specification, in an order in which each
/// is still permitted.
struct NewProcess {
    /// The program that the process becomes, and its way into the container's mount namespace.
    enum Role {
        /// Process 1 of the container, which makes the namespace and becomes the container's command.
        case first(ContainerMounts)
        /// Process 1 of the container, which makes the namespace and becomes `ContainerInit`.
        case containerInit(ContainerMounts)
        /// The command beside `ContainerInit`. The first descriptor is that of `ContainerInit`'s process; the
        /// second is a pipe that ends when `ContainerInit` runs, or holds the failure of its start.
        case second(Int32, waitingFor: Int32)
        /// A later process, beside the process 1 of this descriptor.
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

    /// Turns this process into the program. If that fails, writes the failure to `pipe` and ends.
    func become(reportingTo pipe: Int32) -> Never {
        var failure: StartFailure
        do throws(StartFailure) {
            try prepare()
            failure = isContainerInit ? executeInit() : execute()
        } catch {
            failure = error
        }
        var writer = ByteWriter()
        failure.write(to: &writer)
        _ = unsafe writer.bytes.withUnsafeBytes { unsafe write(pipe, $0.baseAddress, min($0.count, 4096)) }
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

    /// Makes the session, takes its terminal, and sets descriptors 0 to 2, which the user may open again by
    /// name.
    private func takeStreams() throws(StartFailure) {
        setsid()
        if streams.isTerminal {
            if ownMounts != nil { try ContainerMounts.bindConsole(terminalNumber(streams.outputs[0])) }
            if !isContainerInit {
                try attempt(takeTerminal(streams.given[0]), "cannot get the controlling terminal")
            }
        }
        for (index, descriptor) in streams.given.enumerated() {
            try attempt(dup2(descriptor, Int32(index)), "cannot set up the standard streams")
        }
    }

    /// Opens the command's streams with O_PATH as descriptors 0 to 2, so that /proc/1/fd/1 leads to them.
    /// Process 1 must not hold open pipes that the command has closed.
    private func holdStreams() {
        for number in Int32(0)...2 {
            let stream = unsafe openFile(text("/proc/self/fd/", String(number)), O_PATH)
            // The copy is not close-on-exec.
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
            // Pipes belong to the process; /dev/null does not.
            guard unsafe fstat(descriptor, &status) == 0, status.st_mode & mode_t(S_IFMT) == mode_t(S_IFIFO)
            else { continue }
            fchown(descriptor, identity.user, identity.group)
        }
    }

    private func prepareHome(_ identity: Identity) {
        let has = specification.environment.contains { $0.utf8.starts(with: "HOME=".utf8) }
        clearenv()
        // putenv(3) keeps the pointer, so the copy is never freed.
        for variable in specification.environment { _ = unsafe putenv(strdup(variable)) }
        if !has { unsafe setenv("HOME", identity.home, 1) }
    }

    private func enterDirectory() throws(StartFailure) {
        let path = specification.workingDirectory
        do throws(SystemError) {
            let directory = Descriptor(adopting: try ContainerPath.open(path, making: true))
            try check(fchdir(directory.number))
        } catch {
            throw setUpFailure("cannot enter the working directory ", path, error.code)
        }
    }

    /// Reads at most a megabyte of /etc/passwd or /etc/group; empty if there is no such file. A file that is
    /// not regular is not read, because it might never end.
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

// MARK: - Identity and capabilities

extension NewProcess {
    /// Sets the user, the groups and the capabilities (capabilities(7)). To drop capabilities from the
    /// bounding set needs CAP_SETPCAP, the change of the user must keep the other sets, and the ambient set
    /// comes after the permitted and inheritable sets, which bound it.
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
        // The kernel reduces the sets to their bounds.
        try attempt(
            setCapabilities(sets.effective, sets.permitted, sets.inheritable), "cannot set the capabilities")
        for capability in UInt32(0)..<64 where sets.ambient >> capability & 1 == 1 {
            try attempt(raiseAmbient(capability), "cannot raise the ambient capability ", String(capability))
        }
    }

    private func dropFromBounding(_ bounding: UInt64) throws(StartFailure) {
        for capability in UInt32(0)..<64 where bounding >> capability & 1 == 0 {
            if dropFromBoundingSet(capability) == 0 { continue }
            // This is the first number without a capability in this kernel.
            if lastError() == EINVAL { return }
            try attempt(-1, "cannot drop the capability ", String(capability))
        }
    }
}

extension ProcessSpecification.Capabilities {
    /// The part of the capabilities that `ContainerInit` needs.
    fileprivate var bounded: Self {
        var sets = Self(ContainerInit.capabilities & bounding)
        sets.effective &= effective
        sets.permitted = sets.effective
        return sets
    }
}

extension StartFailure {
    /// Reads the outcome of a start. After a success there are no bytes and no failure, because exec has
    /// closed the pipe. The number of bytes is negative if nothing can be read now.
    static func read(from pipe: Int32) -> (byteCount: Int, failure: StartFailure?) {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let byteCount = unsafe CLinux.read(pipe, &bytes, bytes.count)
        guard byteCount > 0 else { return (byteCount, nil) }
        var reader = ByteReader(bytes[..<byteCount])
        let failure = StartFailure(from: &reader)
        return (byteCount, failure ?? StartFailure(.setUp, "the process ended before it was started"))
    }
}
