/// A division of the guest's memory among a container's file systems. Together they may fill about half of
/// the memory that is free when the container is set up. A full file system then means ENOSPC for its writer
/// instead of the end of some process.
///
/// File systems without a size are directories of one tmpfs, the *pool*, which also holds the writable layer:
/// each of them may use the space that the others do not. A file system with a size is a tmpfs of its own,
/// and the pool is smaller by that size.
public struct MemoryPlan: Sendable {
    public typealias Mount = ContainerSpecification.Mount

    /// A file system of the plan.
    public struct Place: Sendable {
        public fileprivate(set) var mount: Mount
        let options: TmpfsOptions
        /// The size in bytes; 0 for a directory of the pool.
        public fileprivate(set) var byteCount: UInt64
        /// Whether the guest's preparation has mounted the file system (`Preparation`).
        public fileprivate(set) var isPrepared = false

        /// The mode of a directory of the pool.
        public var mode: UInt32 { options.mode }
        public var user: UInt32 { options.user }
        public var group: UInt32 { options.group }
    }

    /// The file systems in the order of their mounts. The options of those with a size hold their limits.
    public private(set) var places: [Place] = []
    /// The size of the pool in bytes.
    public private(set) var poolByteCount: UInt64 = 0
    /// One line for each file system that is smaller than requested.
    public private(set) var notes: [String] = []

    private static let pageByteCount: UInt64 = 4096
    /// MS_NOSUID, and MS_NOSUID with MS_NODEV and MS_NOEXEC.
    private static let (noSetUser, closed): (UInt32, UInt32) = (2, 2 | 4 | 8)
    /// The limits of the size of /dev, which holds nodes and links. 64 MiB is docker's size.
    private static let (leastForDevices, mostForDevices): (UInt64, UInt64) = (256 << 10, 64 << 20)

    /// Plans the tmpfs mounts of `specification`, and /dev and /dev/shm, which every container has.
    /// `freeByteCount` is the guest's free memory. `byteCount` is all memory that its kernel manages, to
    /// which percentages refer (tmpfs(5)).
    public init(_ specification: ContainerSpecification, freeByteCount: UInt64, byteCount: UInt64) {
        add(
            Mount(
                type: "tmpfs", source: "tmpfs", target: "/dev", flags: Self.noSetUser, options: "mode=0755"),
            ifMissingIn: specification, byteCount,
            usually: min(max(freeByteCount / 64, Self.leastForDevices), Self.mostForDevices))
        add(
            Mount(type: "tmpfs", source: "shm", target: "/dev/shm", flags: Self.closed),
            ifMissingIn: specification, byteCount, usually: 0)
        for mount in specification.mounts where mount.type.utf8.elementsEqual("tmpfs".utf8) {
            let options = TmpfsOptions(mount.options, memoryByteCount: byteCount)
            let size = options.byteCount ?? (options.isPlain ? 0 : freeByteCount / 8)
            places.append(Place(mount: mount, options: options, byteCount: size))
        }
        // Three eighths are left for the pool and the processes.
        let sum = limit(to: freeByteCount / 8 &* 5)
        let rest = (freeByteCount &- min(sum, freeByteCount)) / 2
        poolByteCount = max(rest / Self.pageByteCount, 1) &* Self.pageByteCount
    }

    /// Adds the plan's file system on the target of `mount`, unless the specification has one there.
    private mutating func add(
        _ mount: Mount, ifMissingIn specification: ContainerSpecification, _ memoryByteCount: UInt64,
        usually byteCount: UInt64
    ) {
        if specification.hasMount(on: mount.target) { return }
        let options = TmpfsOptions(mount.options, memoryByteCount: memoryByteCount)
        // A mount on /dev also replaces what was prepared below it.
        places.append(
            Place(
                mount: mount, options: options, byteCount: byteCount,
                isPrepared: !specification.hasMount(on: "/dev")))
    }

    /// Gives each file system its requested size. If the sum exceeds `most`, each gets a part in proportion.
    /// Returns the sum of all.
    private mutating func limit(to most: UInt64) -> UInt64 {
        // A guest has less than 2^40 bytes and less than 2^20 mounts: neither sums nor products of pages
        // reach 2^63.
        var wanted: UInt64 = 0
        for place in places { wanted = wanted &+ min(place.byteCount, most) }
        var sum: UInt64 = 0
        for index in places.indices where places[index].byteCount > 0 {
            let asked = places[index].byteCount
            var pages = min(asked, most) / Self.pageByteCount
            if wanted > most {
                pages = pages &* (most / Self.pageByteCount) / max(wanted / Self.pageByteCount, 1)
            }
            let byteCount = max(pages, 1) &* Self.pageByteCount
            sum = sum &+ byteCount
            places[index].byteCount = byteCount
            // A file takes at least a page. More inodes than pages would only allow empty files, whose memory
            // no size limits.
            places[index].mount.options = places[index].options.text(
                byteCount: byteCount, inodeCount: max(pages, 1024))
            if let asked = places[index].options.byteCount,
                byteCount < asked / Self.pageByteCount &* Self.pageByteCount
            {
                note(places[index], asked)
            }
        }
        return sum
    }

    private mutating func note(_ place: Place, _ asked: UInt64) {
        notes.append(
            place.mount.target + " has only " + String(place.byteCount >> 20) + " of " + String(asked >> 20)
                + " MiB: the rest is reserved for processes; a larger --memory gives it more")
    }
}

extension ContainerSpecification {
    /// Whether `mounts` has a mount on exactly this path.
    fileprivate func hasMount(on target: String) -> Bool {
        mounts.contains { $0.target.utf8.elementsEqual(target.utf8) }
    }
}
