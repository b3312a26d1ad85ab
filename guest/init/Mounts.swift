import CLinux

/// One file system that init mounts before anything else runs.
struct Mount {
    let type: StaticString
    let target: StaticString
    var flags: Int32 = MS_NOSUID
    var options: StaticString = ""

    /// The file systems that programs expect on any Linux, in an order in which each mount point exists
    /// before its mount.
    static let usual: [Mount] = [
        Mount(type: "proc", target: "/proc", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC),
        Mount(type: "sysfs", target: "/sys", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC),
        Mount(type: "cgroup2", target: "/sys/fs/cgroup", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC),
        Mount(type: "devtmpfs", target: "/dev", options: "mode=0755"),
        Mount(type: "devpts", target: "/dev/pts", options: "gid=5,mode=0620,ptmxmode=0666"),
        Mount(type: "tmpfs", target: "/dev/shm", flags: MS_NOSUID | MS_NODEV, options: "mode=1777"),
        Mount(type: "tmpfs", target: "/run", flags: MS_NOSUID | MS_NODEV, options: "mode=0755"),
        Mount(type: "tmpfs", target: "/tmp", flags: MS_NOSUID | MS_NODEV, options: "mode=1777"),
    ]

    /// Mounts `usual`. If a mount fails, prints the reason and goes on with the others.
    static func mountUsual() {
        for mount in usual {
            do throws(SystemError) {
                try mount.mount()
            } catch {
                Console.printLine("init: cannot mount \(mount.type) on \(mount.target): \(error.reason)")
            }
        }
        linkStandardStreams()
    }

    private func mount() throws(SystemError) {
        let result = unsafe CLinux.mount(
            type.cString, target.cString, type.cString, UInt(flags), options.cString)
        if result == 0 { return }
        switch lastError() {
        case EBUSY:  // The kernel has done it: CONFIG_DEVTMPFS_MOUNT.
            return
        case ENOENT:
            try check(unsafe mkdir(target.cString, 0o755))
            try check(
                unsafe CLinux.mount(type.cString, target.cString, type.cString, UInt(flags), options.cString))
        default:
            throw .last
        }
    }

    /// Makes the names by which POSIX shells and many programs open their own descriptors.
    private static func linkStandardStreams() {
        _ = unsafe symlink("/proc/self/fd", "/dev/fd")
        _ = unsafe symlink("/proc/self/fd/0", "/dev/stdin")
        _ = unsafe symlink("/proc/self/fd/1", "/dev/stdout")
        _ = unsafe symlink("/proc/self/fd/2", "/dev/stderr")
    }
}

extension StaticString {
    /// The literal as a C string: its bytes end with a zero.
    var cString: UnsafePointer<CChar> {
        unsafe UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self)
    }
}
