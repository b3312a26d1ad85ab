import AgentProtocol
import Testing

/// What the container's file systems in memory may hold, without a container.
@Suite("The plan of the guest's memory")
struct MemoryPlanTests {
    private static let mebibyte: UInt64 = 1 << 20

    private func plan(
        _ mounts: [(target: String, options: String)] = [], free: UInt64 = 240 << 20, type: String = "tmpfs"
    ) -> MemoryPlan {
        var specification = ContainerSpecification(hostname: "h", writable: .memory(byteLimit: 0))
        specification.mounts = mounts.map {
            .init(type: type, source: "x", target: $0.target, flags: 14, options: $0.options)
        }
        return MemoryPlan(specification, freeByteCount: free, byteCount: free + (6 << 20))
    }

    private func size(_ target: String, _ plan: MemoryPlan) -> UInt64? {
        plan.places.last { $0.mount.target == target }?.byteCount
    }

    @Test(
        "by default /dev is a file system of its own, and /dev/shm and the writable layer share half of the rest"
    )
    func usual() {
        let plan = plan()
        #expect(plan.places.map(\.mount.target) == ["/dev", "/dev/shm"])
        #expect(size("/dev", plan) == (240 << 20) / 64 && size("/dev/shm", plan) == 0)
        #expect(plan.places[0].mount.options == "mode=0755,nr_inodes=1024,size=3932160")
        #expect(plan.places[1].mode == 0o1777 && plan.places[1].mount.flags == 14)
        #expect(plan.poolByteCount == ((240 << 20) - (240 << 20) / 64) / 2 / 4096 * 4096)
        #expect(plan.notes.isEmpty)
        #expect(plan.places.allSatisfy { $0.isPrepared })
    }

    @Test(
        "a file system is prepared unless the specification replaces it or /dev, below which it lies",
        arguments: [
            (["/dev/shm"], ["/dev"]), (["/dev"], []), (["/x"], ["/dev", "/dev/shm"]),
            (["/dev/pts", "/dev/shm/x"], ["/dev", "/dev/shm"]),
        ] as [([String], [String])])
    func prepared(mounts: [String], prepared: [String]) {
        let plan = plan(mounts.map { ($0, "size=1m") })
        #expect(plan.places.filter { $0.isPrepared }.map(\.mount.target) == prepared)
    }

    @Test("a tmpfs without a size is a directory of the pool, with its mode and owner")
    func directory() throws {
        let plan = plan([("/run", "mode=755,uid=1000,gid=50"), ("/tmp", ""), ("/zero", "size=0")])
        for target in ["/run", "/tmp", "/zero"] { #expect(size(target, plan) == 0, "\(target)") }
        let run = try #require(plan.places.first { $0.mount.target == "/run" })
        #expect(run.mode == 0o755 && run.user == 1000 && run.group == 50)
    }

    @Test(
        "a tmpfs with a size, or with options that only the kernel understands, is a file system of its own",
        arguments: [
            ("size=64m", 64 << 20, "nr_inodes=16384,size=67108864"),
            ("mode=0700,size=64M,nr_inodes=5", 64 << 20, "mode=0700,nr_inodes=5,size=67108864"),
            ("nr_blocks=256", 1 << 20, "nr_inodes=1024,size=1048576"),
            ("size=1%", 2_579_431 / 4096 * 4096, nil), ("size=4096", 4096, "nr_inodes=1024,size=4096"),
            ("huge=always", 30 << 20, "huge=always,nr_inodes=7680,size=31457280"),
            ("size=x", 30 << 20, "size=x,nr_inodes=7680,size=31457280"),
            ("uid=4294967295", 30 << 20, nil), ("mode=9", 30 << 20, nil),
        ] as [(String, UInt64, String?)])
    func own(options: String, byteCount: UInt64, text: String?) throws {
        let plan = plan([("/x", options)])
        #expect(size("/x", plan) == byteCount, "\(plan.places)")
        if let text { #expect(plan.places.last?.mount.options == text) }
        #expect(plan.notes.isEmpty)
    }

    @Test("mounts of the specification replace the default ones; other file systems are not planned")
    func standIns() {
        let plan = plan([("/dev/shm", "size=8m"), ("/dev", "")])
        #expect(plan.places.map(\.mount.target) == ["/dev/shm", "/dev"])
        #expect(size("/dev/shm", plan) == 8 << 20 && size("/dev", plan) == 0)
        #expect(
            self.plan([("/dev", ""), ("/x", "size=1g")], type: "devtmpfs").places.map(\.mount.target) == [
                "/dev/shm"
            ])
    }

    @Test("sizes that do not fit are reduced, with a note for each")
    func tooMuch() {
        let plan = plan([("/a", "size=1g"), ("/dev/shm", "size=2g")])
        #expect(
            plan.notes.count == 2
                && plan.notes.contains { $0.hasPrefix("/a has only ") && $0.contains("of 1024 MiB") })
        #expect(plan.notes.allSatisfy { $0.contains("--memory") })
    }

    /// The property that everything else is for.
    @Test(
        "for any request the sum leaves memory free, every file system has a limit, and none exceeds its request",
        arguments: [1, 4 << 10, 1 << 20, 13 << 20, 240 << 20, 64 << 30, 1 << 40] as [UInt64])
    func sum(free: UInt64) {
        let sizes = [
            "", "size=1", "size=64m", "size=50%", "size=200%", "size=999999999p",
            "nr_blocks=99999999999999999", "nr_inodes=1",
        ]
        for first in sizes {
            for second in sizes {
                for count in [1, 40] {
                    let more = (0..<count).map { (target: "/m\($0)", options: second) }
                    let plan = plan([("/dev/shm", first)] + more, free: free)
                    let own = plan.places.reduce(UInt64(0)) { $0 + $1.byteCount }
                    let slack = UInt64(plan.places.count + 1) * 4096 + (256 << 10)
                    #expect(own + plan.poolByteCount <= free / 16 * 13 + slack, "\(free) \(first) \(second)")
                    #expect(plan.poolByteCount >= 4096)
                    for place in plan.places where place.byteCount > 0 {
                        #expect(place.mount.options.hasSuffix("size=\(place.byteCount)"))
                    }
                    #expect(plan.places.filter { $0.mount.options.hasSuffix("size=0") }.isEmpty)
                }
            }
        }
    }
}
