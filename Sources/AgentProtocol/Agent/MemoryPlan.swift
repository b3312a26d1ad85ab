/// How the file systems of a container that lie in the guest's memory share it: together they may fill about half of what is
/// free when the container is set up. A full one then is ENOSPC for its writer, and not the end of some process.
///
/// All that have no size of their own are directories of one tmpfs, the *pool*, which also has the writable layer: each of
/// them may use what the others do not. One with a size is a tmpfs of its own, and the pool is smaller for it.
public struct MemoryPlan: Sendable {
    public typealias Mount = ContainerSpecification.Mount

    /// A file system of the plan.
    public struct Place: Sendable {
        public fileprivate(set) var mount: Mount
        let options: TmpfsOptions
        /// 0 for a directory of the pool.
        public fileprivate(set) var byteCount: UInt64

        /// Of a directory of the pool.
        public var mode: UInt32 { options.mode }
        public var user: UInt32 { options.user }
        public var group: UInt32 { options.group }
    }

    /// In the order in which they are to be mounted. The options of those of their own limit them.
    public private(set) var places: [Place] = []
    /// The size of the pool in bytes.
    public private(set) var poolByteCount: UInt64 = 0
    /// A line for each file system that is smaller than it was to be.
    public private(set) var notes: [String] = []

    private static let pageByteCount: UInt64 = 4096
    /// MS_NOSUID, and with it MS_NODEV and MS_NOEXEC.
    private static let (noSetUser, closed): (UInt32, UInt32) = (2, 2 | 4 | 8)
    /// /dev holds nodes and links. 64 MiB are docker's limit.
    private static let (leastForDevices, mostForDevices): (UInt64, UInt64) = (256 << 10, 64 << 20)

    /// Plans the tmpfs mounts of `specification`, and /dev and /dev/shm, which every container has. `freeByteCount` is the
    /// guest's free memory, `byteCount` all that its kernel manages: percentages are of that (tmpfs(5)).
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
        // Three eighths stay for the pool and the processes.
        let sum = limit(to: freeByteCount / 8 &* 5)
        let rest = (freeByteCount &- min(sum, freeByteCount)) / 2
        poolByteCount = max(rest / Self.pageByteCount, 1) &* Self.pageByteCount
    }

    private mutating func add(
        _ mount: Mount, ifMissingIn specification: ContainerSpecification, _ memoryByteCount: UInt64,
        usually byteCount: UInt64
    ) {
        for own in specification.mounts where own.target.utf8.elementsEqual(mount.target.utf8) { return }
        let options = TmpfsOptions(mount.options, memoryByteCount: memoryByteCount)
        places.append(Place(mount: mount, options: options, byteCount: byteCount))
    }

    /// Gives each what it asks for, or where that is more than `most` in all, a part in proportion; the sum of all.
    private mutating func limit(to most: UInt64) -> UInt64 {
        // A guest has less than 2^40 bytes and less than 2^20 mounts: neither sums nor products of pages pass 2^63.
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
            // A file has at least a page; more would be names only, which take memory that no size counts.
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
                + " MiB: a guest keeps room for its processes; give it more with --memory")
    }
}
