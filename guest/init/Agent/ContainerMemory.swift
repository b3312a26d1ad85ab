import CLinux

/// The container's file systems in the guest's memory, mounted according to `MemoryPlan`.
struct ContainerMemory {
    typealias Mount = ContainerSpecification.Mount

    private let plan: MemoryPlan
    /// One descriptor for each of the plan's places: a mount that is not attached yet (open_tree(2)) for a
    /// directory of the pool, else -1.
    private var trees: [Int32] = []

    /// Plans with the memory that is free now. Call it after the image is mounted, because the kernel keeps
    /// records of the image's pages in memory.
    init(_ specification: ContainerSpecification) {
        plan = MemoryPlan(specification, freeByteCount: freeMemory(), byteCount: totalMemory())
    }

    var notes: [String] { plan.notes }

    /// Mounts the pool on `path` in the agent's root and makes its directories. The pool has at most
    /// `byteLimit` bytes if that is not 0.
    mutating func mountPool(on path: String, byteLimit: UInt64 = 0) throws(StartFailure) {
        let byteCount = byteLimit == 0 ? plan.poolByteCount : min(byteLimit, plan.poolByteCount)
        unsafe mkdir(path, 0o755)
        try attempt(
            unsafe CLinux.mount("tmpfs", path, "tmpfs", 0, text("mode=0755,size=", String(byteCount))),
            "cannot mount tmpfs on ", path)
        for (number, directory) in plan.places.enumerated() {
            guard directory.byteCount == 0 else {
                trees.append(-1)
                continue
            }
            let place = text(path, "/", String(number))
            try attempt(unsafe mkdir(place, 0o700), "cannot make ", place)
            unsafe lchown(place, directory.user, directory.group)
            unsafe chmod(place, directory.mode)
            let tree = unsafe openTree(place)
            try attempt(tree, "cannot open ", place)
            trees.append(tree)
        }
    }

    /// Mounts `mount` in the calling process's root if it lies in memory. Returns false for all others.
    func mount(_ mount: Mount, by make: (Mount) throws(StartFailure) -> Void) throws(StartFailure) -> Bool {
        if mount.type.isEqual(to: "devtmpfs") {
            try make(mount)
            try limitDevices(mount)
            return true
        }
        guard mount.type.isEqual(to: "tmpfs") else { return false }
        let target = mount.target
        guard let number = plan.places.lastIndex(where: { $0.mount.target.isEqual(to: target) }) else {
            return false
        }
        guard plan.places[number].byteCount == 0 else {
            try make(plan.places[number].mount)
            return true
        }
        let failure = text("cannot mount tmpfs on ", target)
        try attempt(setMountFlags(trees[number], plan.places[number].mount.flags), failure)
        if unsafe placeTree(trees[number], target) == 0 { return true }
        if lastError() == ENOENT { _ = try makeDirectories(target) }
        try attempt(unsafe placeTree(trees[number], target), failure)
        return true
    }

    /// Limits the size of devtmpfs. It is one file system for all its mounts and takes a size only in a
    /// remount.
    private func limitDevices(_ mount: Mount) throws(StartFailure) {
        try attempt(
            unsafe CLinux.mount(
                nil, mount.target, nil, UInt(MS_REMOUNT) | UInt(mount.flags), "mode=0755,size=4m"),
            "cannot limit the size of ", mount.target)
    }
}
