import CLinux

/// A process between fork and exec: what the specification says, in the order in which each step is still allowed.
struct NewProcess {
    let specification: ProcessSpecification
    private let streams: ProcessStreams
    private let mounts: ContainerMounts?

    init(_ specification: ProcessSpecification, streams: ProcessStreams, mounts: ContainerMounts?) {
        self.specification = specification
        self.streams = streams
        self.mounts = mounts
    }

    /// Turns this process into the program. If that fails, tells why and ends.
    func become(telling: Int32) -> Never {
        var failure: StartFailure
        do throws(StartFailure) {
            try prepare()
            failure = execute()
        } catch {
            failure = error
        }
        var writer = WireWriter()
        failure.write(to: &writer)
        _ = unsafe writer.bytes.withUnsafeBytes { unsafe write(telling, $0.baseAddress, min($0.count, 4096)) }
        _exit(127)
    }

    private func prepare() throws(StartFailure) {
        umask(0o022)
        try mounts?.mountOwn()
        try takeStreams()
        for limit in specification.limits {
            try attempt(
                setLimit(Int32(limit.resource), limit.soft, limit.hard),
                "cannot set the resource limit ", String(limit.resource))
        }
        let identity = try Identity(user: specification.user, groups: specification.groups) { file(at: $0) }
        prepareHome(identity)
        try enterDirectory()
        try take(identity)
    }

    /// The session, its terminal, and descriptors 0 to 2, which the user may open again by name.
    private func takeStreams() throws(StartFailure) {
        setsid()
        if streams.isTerminal {
            if mounts != nil { try ContainerMounts.bindConsole(terminalNumber(streams.outputs[0])) }
            try attempt(takeTerminal(streams.given[0]), "cannot take the terminal")
        }
        for (index, descriptor) in streams.given.enumerated() {
            try attempt(dup2(descriptor, Int32(index)), "cannot hand the streams over")
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
        if unsafe chdir(path) == 0 { return }
        if lastError() == ENOENT {
            try makeDirectories(path)
            if unsafe chdir(path) == 0 { return }
        }
        throw setUpFailure("cannot work in ", path, lastError())
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
        let sets = specification.capabilities
        try dropFromBounding(sets.bounding)
        if identity.user != 0 {
            try attempt(keepCapabilities(), "cannot keep capabilities")
            if !streams.isTerminal {
                for descriptor in Int32(0)...2 { fchown(descriptor, identity.user, identity.group) }
            } else {
                fchown(0, identity.user, 5)
            }
        }
        try attempt(
            unsafe setgroups(identity.supplementaryGroups.count, identity.supplementaryGroups),
            "cannot set the groups")
        try attempt(setresgid(identity.group, identity.group, identity.group), "cannot set the group")
        try attempt(setresuid(identity.user, identity.user, identity.user), "cannot set the user")
        if specification.noNewPrivileges {
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
