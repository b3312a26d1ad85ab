import CLinux

/// The tmpfs that the container's file systems in memory share: `MemoryPlan`. It is mounted outside the
/// container's root, before the container is known.
struct MemoryPool {
    /// A descriptor of its root directory.
    let descriptor: Int32

    /// Mounts the pool on `path` in the agent's root, with the usual size of a tmpfs.
    init(on path: String) throws(StartFailure) {
        unsafe mkdir(path, 0o755)
        try attempt(
            unsafe CLinux.mount("tmpfs", path, "tmpfs", 0, "mode=0755"), "cannot mount tmpfs on ", path)
        descriptor = unsafe openFile(path, O_PATH | O_DIRECTORY)
        try attempt(descriptor, "cannot open ", path)
    }

    /// Makes the directory `name` and returns a mount of it that is not attached yet: open_tree(2).
    func makeDirectory(
        _ name: String, mode: mode_t, user: UInt32 = 0, group: UInt32 = 0
    ) throws(StartFailure) -> Int32 {
        try attempt(unsafe mkdirat(descriptor, name, 0o700), "cannot make in the memory ", name)
        unsafe fchownat(descriptor, name, user, group, AT_SYMLINK_NOFOLLOW)
        unsafe fchmodat(descriptor, name, mode, 0)
        let tree = unsafe openTree(descriptor, name)
        try attempt(tree, "cannot open in the memory ", name)
        return tree
    }

    /// Gives the pool its size.
    func resize(to byteCount: UInt64) throws(StartFailure) {
        // No path of the container leads to the pool.
        try attempt(fchdir(descriptor), "cannot enter ", "the memory")
        let result = unsafe CLinux.mount(nil, ".", nil, UInt(MS_REMOUNT), text("size=", String(byteCount)))
        try attempt(result, "cannot set the size of ", "the memory")
        try attempt(unsafe chdir("/"), "cannot enter ", "/")
    }
}

/// The container's file systems in the guest's memory, mounted according to `MemoryPlan`.
struct ContainerMemory {
    typealias Mount = ContainerSpecification.Mount

    private let plan: MemoryPlan
    /// One descriptor for each of the plan's places: a mount that is not attached yet for a directory of the
    /// pool, else -1.
    private var trees: [Int32] = []

    /// Plans with the memory that is free now, gives the pool its size and makes its directories. Call it
    /// after the image is mounted, because the kernel keeps records of the image's pages in memory.
    init(_ specification: ContainerSpecification, in pool: MemoryPool) throws(StartFailure) {
        plan = MemoryPlan(specification, freeByteCount: freeMemory(), byteCount: totalMemory())
        var byteCount = plan.poolByteCount
        if case .memory(let limit) = specification.writable, limit != 0 { byteCount = min(byteCount, limit) }
        try pool.resize(to: byteCount)
        for (number, place) in plan.places.enumerated() {
            guard place.byteCount == 0, !place.isPrepared else {
                trees.append(-1)
                continue
            }
            trees.append(
                try pool.makeDirectory(
                    String(number), mode: place.mode, user: place.user, group: place.group))
        }
    }

    var notes: [String] { plan.notes }

    /// Mounts a directory of the pool on `mount`'s target, before the container is known.
    static func prepare(_ mount: Mount, in pool: MemoryPool) throws(StartFailure) {
        let tree = try pool.makeDirectory("prepared", mode: 0o1777)
        try attach(tree, mount)
        close(tree)
    }

    /// Gives the prepared file system on `mount`'s target the size of the plan.
    func resize(_ mount: Mount) throws(StartFailure) {
        guard let number = number(mount.target) else { return }
        try Self.resize(mount, plan.places[number].mount.options)
    }

    /// Mounts `mount` in the calling process's root if it lies in memory. Returns false for all others.
    func mount(_ mount: Mount, by make: (Mount) throws(StartFailure) -> Void) throws(StartFailure) -> Bool {
        if mount.type.isEqual(to: "devtmpfs") {
            try make(mount)
            // It is one file system for all its mounts and takes a size only in a remount.
            try Self.resize(mount, "mode=0755,size=4m")
            return true
        }
        guard mount.type.isEqual(to: "tmpfs"), let number = number(mount.target) else { return false }
        let own = plan.places[number].mount
        if plan.places[number].byteCount == 0 {
            try Self.attach(trees[number], own)
        } else {
            try make(own)
        }
        return true
    }

    private func number(_ target: String) -> Int? {
        plan.places.lastIndex { $0.mount.target.isEqual(to: target) }
    }

    private static func resize(_ mount: Mount, _ options: String) throws(StartFailure) {
        try attempt(
            unsafe CLinux.mount(nil, mount.target, nil, UInt(MS_REMOUNT) | UInt(mount.flags), options),
            "cannot limit the size of ", mount.target)
    }

    /// Attaches a mount of the pool's at `mount`'s target, which is made if it is missing.
    private static func attach(_ tree: Int32, _ mount: Mount) throws(StartFailure) {
        let failure = text("cannot mount tmpfs on ", mount.target)
        try attempt(setMountFlags(tree, mount.flags), failure)
        if unsafe placeTree(tree, mount.target) == 0 { return }
        if lastError() == ENOENT { _ = try makeDirectories(mount.target) }
        try attempt(unsafe placeTree(tree, mount.target), failure)
    }
}
