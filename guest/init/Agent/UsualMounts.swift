import CLinux

/// The file systems that every container has, unless its specification has a mount on the same target. All
/// but /proc are mounted before the container is known, and adapted to it then.
enum UsualMounts {
    typealias Mount = ContainerSpecification.Mount

    private static let closed = UInt32(MS_NOSUID | MS_NODEV | MS_NOEXEC)

    static let proc = Mount(type: "proc", source: "proc", target: "/proc", flags: closed)
    fileprivate static let system = Mount(type: "sysfs", source: "sysfs", target: "/sys", flags: closed)
    fileprivate static let cgroups = Mount(
        type: "cgroup2", source: "cgroup", target: "/sys/fs/cgroup", flags: closed)
    fileprivate static let devices = Mount(
        type: "tmpfs", source: "tmpfs", target: "/dev", flags: UInt32(MS_NOSUID), options: "mode=0755")
    fileprivate static let terminals = Mount(
        type: "devpts", source: "devpts", target: "/dev/pts", flags: UInt32(MS_NOSUID | MS_NOEXEC),
        options: "gid=5,mode=0620,ptmxmode=0666")
    fileprivate static let shared = Mount(type: "tmpfs", source: "shm", target: "/dev/shm", flags: closed)
    fileprivate static let messages = Mount(
        type: "mqueue", source: "mqueue", target: "/dev/mqueue", flags: closed)

    /// Whether `target` is one of these file systems'.
    static func include(_ target: String) -> Bool {
        for mount in [proc, system, cgroups, devices, terminals, shared, messages]
        where mount.target.isEqual(to: target) { return true }
        return false
    }

    /// Mounts all but /proc for a container of which nothing is known.
    static func prepare(_ pool: MemoryPool) throws(StartFailure) {
        for mount in [system, cgroups] {
            try ContainerMounts.mount(mount)
            try protect(mount)
        }
        try ContainerMounts.mount(devices)
        try fillDevices()
        try ContainerMounts.mount(terminals)
        try ContainerMemory.prepare(shared, in: pool)
        try ContainerMounts.mount(messages)
    }

    /// Makes a file system read-only in the container. A flag of mount(2) would hold for all its mounts.
    fileprivate static func protect(_ mount: Mount) throws(StartFailure) {
        try attempt(unsafe makeReadOnly(mount.target, false), "cannot make read-only ", mount.target)
    }

    fileprivate static func fillDevices() throws(StartFailure) {
        let devices: [(StaticString, UInt32, UInt32)] = [
            ("/dev/null", 1, 3), ("/dev/zero", 1, 5), ("/dev/full", 1, 7), ("/dev/random", 1, 8),
            ("/dev/urandom", 1, 9), ("/dev/tty", 5, 0),
        ]
        for (path, major, minor) in devices {
            if unsafe makeCharacterDevice(path.cString, 0o666, major, minor) < 0, lastError() != EEXIST {
                throw setUpFailure("cannot make the devices in ", "/dev", lastError())
            }
        }
        let links: [(StaticString, StaticString)] = [
            ("/proc/self/fd", "/dev/fd"), ("/proc/self/fd/0", "/dev/stdin"),
            ("/proc/self/fd/1", "/dev/stdout"),
            ("/proc/self/fd/2", "/dev/stderr"), ("pts/ptmx", "/dev/ptmx"),
        ]
        for (target, path) in links { _ = unsafe symlink(target.cString, path.cString) }
        for path in ["/dev/pts", "/dev/shm", "/dev/mqueue"] { _ = unsafe mkdir(path, 0o755) }
    }
}

// MARK: - The container's own choices

extension ContainerMounts {
    /// Makes the prepared file systems those of the specification. Returns whether the agent has to open its
    /// files in /dev again.
    func adapt() throws(StartFailure) -> Bool {
        try adaptSystem()
        return try adaptDevices()
    }

    private func adaptSystem() throws(StartFailure) {
        let isNew = try adapt(UsualMounts.system, isParentNew: false)
        let areCgroupsNew = try adapt(UsualMounts.cgroups, isParentNew: isNew)
        for (mount, isNew) in [(UsualMounts.system, isNew), (UsualMounts.cgroups, areCgroupsNew)]
        where own(mount.target) == nil {
            if specification.isPrivileged {
                try attempt(unsafe makeWritable(mount.target), "cannot make writable ", mount.target)
            } else if isNew {
                try UsualMounts.protect(mount)
            }
        }
    }

    private func adaptDevices() throws(StartFailure) -> Bool {
        let isNew = try adapt(UsualMounts.devices, isParentNew: false)
        if isNew { try UsualMounts.fillDevices() } else { try memory.resize(UsualMounts.devices) }
        for device in specification.devices { try make(device) }
        let areTerminalsNew = try adapt(UsualMounts.terminals, isParentNew: isNew)
        _ = try adapt(UsualMounts.shared, isParentNew: isNew)
        _ = try adapt(UsualMounts.messages, isParentNew: isNew)
        return areTerminalsNew
    }

    /// Replaces what was prepared on a target if the specification has a mount there. After a new mount on
    /// its parent, mounts the usual file system anew. Returns whether the target has a new mount.
    private func adapt(_ prepared: Mount, isParentNew: Bool) throws(StartFailure) -> Bool {
        let own = own(prepared.target)
        guard own != nil || isParentNew else { return false }
        // Unmounting the parent has unmounted what was prepared below it.
        if !isParentNew {
            try attempt(unsafe umount2(prepared.target, MNT_DETACH), "cannot unmount ", prepared.target)
        }
        try place(own ?? prepared)
        return true
    }

    private func make(_ device: ContainerSpecification.Device) throws(StartFailure) {
        if unsafe makeCharacterDevice(device.path, 0o666, device.major, device.minor) == 0 { return }
        if lastError() != EEXIST { throw setUpFailure("cannot make the device ", device.path, lastError()) }
    }
}
