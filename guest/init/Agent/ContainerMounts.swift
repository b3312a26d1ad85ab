import CLinux

/// The container's file systems, after its root. The agent's root is the container's.
struct ContainerMounts {
    typealias Mount = ContainerSpecification.Mount

    let specification: ContainerSpecification
    let memory: ContainerMemory

    init(_ specification: ContainerSpecification, _ memory: ContainerMemory) {
        self.specification = specification
        self.memory = memory
    }

    /// Mounts the other file systems, by the container's process 1 in its own namespace: /proc shows the
    /// processes of the namespace in which it is mounted. The kernel parameters are set in a /proc of the
    /// agent, whatever the specification mounts there.
    func mountOwn() throws(StartFailure) {
        try attempt(separateMounts(), "cannot make a mount namespace")
        let proc = UsualMounts.proc
        try Self.mount(proc)
        for parameter in specification.kernelParameters { try Self.set(parameter) }
        if let own = own(proc.target) { try place(own) }
        for mount in specification.mounts where !UsualMounts.include(mount.target) { try place(mount) }
        for path in specification.maskedPaths { try mask(path) }
        for path in specification.readOnlyPaths { try protect(path) }
    }

    /// Makes the root read-only, if it is to be. This is the last step, because earlier steps make
    /// directories in the root.
    func protectRoot() throws(StartFailure) {
        guard specification.hasReadOnlyRoot else { return }
        try attempt(unsafe makeReadOnly("/", false), "cannot make / read-only")
    }

    private static func set(_ parameter: ContainerSpecification.KernelParameter) throws(StartFailure) {
        let file = Descriptor(adopting: unsafe openFile(text("/proc/sys/", parameter.path), O_WRONLY))
        var value = parameter.value
        let isSet =
            file.isOpen && value.withUTF8 { unsafe write(file.number, $0.baseAddress, $0.count) == $0.count }
        if isSet || !parameter.isRequired && !file.isOpen && lastError() == ENOENT { return }
        throw setUpFailure("cannot set the kernel parameter ", parameter.path, lastError())
    }

    /// Returns the specification's mount on `target`, the last if there are several.
    func own(_ target: String) -> Mount? {
        specification.mounts.last { $0.target.isEqual(to: target) }
    }

    func place(_ mount: Mount) throws(StartFailure) {
        if try !memory.mount(mount, by: Self.mount) { try Self.mount(mount) }
    }

    static func mount(_ mount: Mount) throws(StartFailure) {
        let isBind = mount.flags & UInt32(MS_BIND) != 0 || mount.type.isEqual(to: "bind")
        let flags = UInt(mount.flags) | (isBind ? UInt(MS_BIND) : 0)
        if unsafe CLinux.mount(mount.source, mount.target, mount.type, flags, mount.options) != 0 {
            guard lastError() == ENOENT else { throw failure(mount, .last) }
            try makeTarget(mount, isBind: isBind)
            guard unsafe CLinux.mount(mount.source, mount.target, mount.type, flags, mount.options) == 0
            else { throw failure(mount, .last) }
        }
        // mount(2) sets the flags of a bind mount only in a remount.
        let others = flags & ~UInt(MS_BIND | MS_REC)
        guard isBind, others != 0 else { return }
        let again = others | UInt(MS_REMOUNT | MS_BIND)
        if unsafe CLinux.mount(nil, mount.target, nil, again, nil) != 0 { throw failure(mount, .last) }
    }

    /// Makes the mount's target: a file if a file is to be bind-mounted there, else a directory. A source
    /// that does not exist yet may be the target itself, which becomes a directory then.
    private static func makeTarget(_ mount: Mount, isBind: Bool) throws(StartFailure) {
        guard isBind, isDirectory(mount.source) == false else {
            _ = try makeDirectories(mount.target)
            return
        }
        let bytes = Array(mount.target.utf8)
        let slash = bytes.lastIndex(of: UInt8(ascii: "/")) ?? 0
        let parent = try makeDirectories(String(decoding: bytes[..<slash], as: UTF8.self) + "/")
        let name = String(decoding: bytes[slash...].dropFirst(), as: UTF8.self)
        let file = Descriptor(adopting: unsafe createFileIn(parent.number, name, O_WRONLY, 0o644))
        try attempt(file.number, "cannot make ", mount.target)
    }

    /// Makes the first process's terminal the container's console: console(4).
    static func bindConsole(_ terminalNumber: Int32) throws(StartFailure) {
        try mount(
            Mount(
                type: "bind", source: text("/dev/pts/", String(terminalNumber)), target: "/dev/console",
                flags: UInt32(MS_BIND)))
    }

    private static func failure(_ mount: Mount, _ error: SystemError) -> StartFailure {
        setUpFailure(text("cannot mount ", mount.type, " on "), mount.target, error.code)
    }
}

extension ContainerSpecification {
    /// Whether the container's root is read-only. Without writable storage there still is a layer, for the
    /// directories that the image lacks, which the container must not write.
    fileprivate var hasReadOnlyRoot: Bool {
        if case .none = writable { return true }
        return isRootReadOnly
    }
}

// MARK: - Masked and read-only paths

extension ContainerMounts {
    /// Hides a path: /dev/null covers a file, an empty directory covers a directory. A path that does not
    /// exist is ignored.
    private func mask(_ path: String) throws(StartFailure) {
        if unsafe CLinux.mount("/dev/null", path, nil, UInt(MS_BIND), nil) == 0 { return }
        switch lastError() {
        case ENOENT: return
        case ENOTDIR where isDirectory(path) == true:
            try attempt(
                unsafe CLinux.mount("tmpfs", path, "tmpfs", UInt(MS_RDONLY), "size=0"), "cannot mask ", path)
        case ENOTDIR: return
        default: throw setUpFailure("cannot mask ", path, lastError())
        }
    }

    private func protect(_ path: String) throws(StartFailure) {
        if unsafe CLinux.mount(path, path, nil, UInt(MS_BIND | MS_REC), nil) != 0 {
            if lastError() == ENOENT || lastError() == ENOTDIR { return }
            throw setUpFailure("cannot make read-only ", path, lastError())
        }
        try attempt(unsafe makeReadOnly(path, true), "cannot make read-only ", path)
    }
}
