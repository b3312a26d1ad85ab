import CHost
import GuestMemory
import Host
import Synchronization
import SystemPackage
import TestSupport
import Testing
import Virtio

@testable import Devices

/// Saves a disk in the middle of its work and restores it into a new object. The driver goes on with the same
/// queue and sees no difference.
@Suite struct SavedDiskTests {
    /// A request that the driver has made available.
    private struct Asked {
        let kind: UInt32
        let sector: Int
        let data: GuestRange
        let status: GuestRange
    }

    private static let sectorCount = 2048
    private static let requestCount = 120

    private let file: TemporaryFile
    private let disk: DiskFile
    private let driver: VirtioDriver

    init() throws {
        file = try TemporaryFile(DiskFixture.pattern(Self.sectorCount * 512))
        disk = try DiskFile.open(file.path, readOnly: false)
        driver = try VirtioDriver(VirtioBlock(disk, identifier: "saved"))
        try driver.start()
    }

    /// Adds requests of every kind that a worker may have to wait for. No two of them touch the same sector.
    private func add(_ count: Int) throws -> [UInt16: Asked] {
        let kinds = [BlockDriver.read, BlockDriver.write, BlockDriver.flush, BlockDriver.discard]
        var asked: [UInt16: Asked] = [:]
        for index in 0..<count {
            let (kind, sector) = (kinds[index % kinds.count], index * 16)
            let header = try driver.memory.allocate(BlockDriver.header(kind, sector: UInt64(sector)))
            let status = try driver.memory.allocate([0xEE])
            var data = driver.memory.allocate(0)
            var buffers: [DriverBuffer] = [.readable(header)]
            switch kind {
            case BlockDriver.read:
                data = driver.memory.allocate(4096)
                buffers.append(.writable(data))
            case BlockDriver.write:
                data = try driver.memory.allocate([UInt8](repeating: UInt8(index), count: 4096))
                buffers.append(.readable(data))
            case BlockDriver.discard:
                data = try driver.memory.allocate(BlockDriver.range(sector: UInt64(sector), count: 8))
                buffers.append(.readable(data))
            default: break
            }
            let head = try driver.queues[0].add(buffers + [.writable(status)], indirect: true)
            asked[head] = Asked(kind: kind, sector: sector, data: data, status: status)
        }
        return asked
    }

    /// Waits until all of `asked` are used, each once and by the interrupts that the driver gets.
    private func expectAnswers(_ asked: [UInt16: Asked]) throws {
        var rest = asked
        let content = DiskFixture.pattern(Self.sectorCount * 512)
        while !rest.isEmpty {
            let entry = try driver.waitForUsed(0)
            let removed = rest.removeValue(forKey: UInt16(entry.head))
            let request = try #require(removed, "used twice")
            #expect(try driver.memory.bytes(request.status) == [BlockDriver.ok])
            #expect(entry.byteCount == (request.kind == BlockDriver.read ? 4097 : 1))
            let start = request.sector * 512
            guard request.kind == BlockDriver.read else { continue }
            #expect(try driver.memory.bytes(request.data) == Array(content[start..<start + 4096]))
        }
        #expect(try driver.queues[0].takeUsed() == nil)
        let written = try file.bytes()
        for request in asked.values where request.kind == BlockDriver.write {
            let start = request.sector * 512
            #expect(try Array(written[start..<start + 4096]) == driver.memory.bytes(request.data))
        }
    }

    /// Removes the file's pages from the page cache, so that each read has to wait for the host's disk.
    private func dropCache() {
        _ = fsync(disk.descriptor)
        _ = posix_fadvise(disk.descriptor, 0, 0, POSIX_FADV_DONTNEED)
    }

    /// The disk is saved once as soon as it has begun, and then at every later point of its work, in turn
    /// with cold reads, durable writes, flushes and discards at the workers.
    @Test(arguments: 0..<12) func aDiskSavedInTheMiddleFinishesItsWork(_ round: Int) throws {
        driver.window.write(round % 2 == 0 ? 0 : 1, at: 0x100 + 32, byteCount: 1)
        dropCache()
        let asked = try add(Self.requestCount)
        driver.ring(0)
        while try driver.queues[0].usedIndex() < round * 8 { sched_yield() }
        let usedCount = try driver.queues[0].usedIndex()
        try driver.replaceDevice(by: VirtioBlock(disk, identifier: "saved")) { saved in
            let state = try #require(saved.device as? VirtioBlock.State)
            let queue = try #require(state.queue)
            #expect(queue.nextAvailable == queue.nextUsed, "what was popped is pushed")
            #expect(queue.nextUsed >= usedCount)
            #expect(try queue.nextUsed == driver.queues[0].usedIndex())
            #expect(state.isWriteBack == (round % 2 == 1))
            // What comes in while the disk is paused waits.
            for _ in 0..<100 { sched_yield() }
            #expect(try queue.nextUsed == driver.queues[0].usedIndex())
        }
        #expect(driver.configuration(at: 32, byteCount: 1) == UInt64(round % 2))
        try expectAnswers(asked)
        let identifier = try driver.block(BlockDriver.identify, inByteCount: 20).data
        #expect(identifier.starts(with: "saved".utf8))
        driver.reset()
    }

    /// No interrupt is lost, whichever of the driver's wishes was there at the pause: the requests are used
    /// while the disk pauses, and nobody has looked at them since.
    @Test func anInterruptThatIsDueComes() throws {
        let asked = try add(4)
        driver.ring(0)
        try driver.replaceDevice(by: VirtioBlock(disk))
        try driver.replaceDevice(by: VirtioBlock(disk))
        try expectAnswers(asked)
        driver.reset()
    }

    /// An error that the driver has not seen yet stays an error.
    @Test func anErrorThatIsPendingIsReported() throws {
        let status = try driver.memory.allocate([0xEE])
        let header = try driver.memory.allocate(BlockDriver.header(BlockDriver.read, sector: .max))
        let head = try driver.queues[0].add([
            .readable(header), .writable(driver.memory.allocate(512)), .writable(status),
        ])
        driver.ring(0)
        while try driver.queues[0].usedIndex() == 0 { sched_yield() }
        try driver.replaceDevice(by: VirtioBlock(disk))
        #expect(try driver.waitForUsed(0).head == UInt32(head))
        #expect(try driver.memory.bytes(status) == [BlockDriver.ioError])
        #expect(try driver.block(BlockDriver.flush).status == BlockDriver.ok)
        driver.reset()
    }

    @Test func aDiskThatHasFailedStaysFailedUntilAReset() throws {
        try driver.queues[0].add([.readable(driver.memory.allocate(3)), .writable(driver.memory.allocate(1))])
        driver.ring(0)
        try driver.waitForNeedsReset()
        try driver.replaceDevice(by: VirtioBlock(disk)) { saved in
            #expect((saved.device as? VirtioBlock.State)?.queue == nil)
        }
        #expect(driver.needsReset)
        try driver.start()
        #expect(try driver.block(BlockDriver.flush).status == BlockDriver.ok)
        driver.reset()
    }

    @Test func aDiskWithoutADriverIsSavedToo() throws {
        driver.reset()
        try driver.replaceDevice(by: VirtioBlock(disk))
        try driver.start()
        #expect(try driver.block(BlockDriver.flush).status == BlockDriver.ok)
        driver.reset()
    }

    @Test func aPausedDiskGoesOn() throws {
        let asked = try add(40)
        driver.ring(0)
        driver.transport.pause()
        driver.transport.pause()
        let usedCount = try driver.queues[0].usedIndex()
        driver.ring(0)
        for _ in 0..<100 { sched_yield() }
        #expect(try driver.queues[0].usedIndex() == usedCount)
        driver.transport.resume()
        try expectAnswers(asked)
        driver.transport.pause()
        driver.reset()  // a paused disk has nothing to wait for
        try driver.start()
        #expect(try driver.block(BlockDriver.flush).status == BlockDriver.ok)
        driver.reset()
    }

    /// A change of a good state.
    private static let damages: [(String, @Sendable (inout VirtioBlock.State) -> Void)] = [
        ("a larger disk", { $0.sectorCount += 1 }),
        ("no disk", { $0.sectorCount = 0 }),
        ("sectors of no size", { $0.logicalSectorByteCount = 0 }),
        ("other sectors", { $0.logicalSectorByteCount = 4096 }),
        ("other physical sectors", { $0.physicalSectorByteCount = .max }),
        ("a request under way", { $0.queue?.nextAvailable &+= 1 }),
        ("more under way than the queue has", { $0.queue?.nextUsed &+= 1 }),
        ("a queue that is not there", { $0.queue = nil }),
    ]

    @Test(arguments: damages.indices) func aStateThatCannotBeIsRefused(_ index: Int) throws {
        driver.transport.pause()
        var saved = driver.transport.state
        var state = try #require(saved.device as? VirtioBlock.State)
        Self.damages[index].1(&state)
        saved.device = state
        let next = VirtioBlock(disk)
        let transport = try VirtioTransport(device: next, memory: driver.memory.memory, line: driver.line)
        #expect(throws: SavedStateError.self, "\(Self.damages[index].0)") { try transport.restore(saved) }
        // The device is as it was built.
        let other = try VirtioDriver(next)
        try other.start()
        #expect(try other.block(BlockDriver.flush).status == BlockDriver.ok)
        other.reset()
        driver.reset()
    }

    @Test func aReadOnlyDiskHasNoCacheToTurnOff() throws {
        driver.reset()
        let readOnly = try TemporaryFile(byteCount: 4096)
        let device = VirtioBlock(try DiskFile.open(readOnly.path, readOnly: true))
        var state = device.state
        state.isWriteBack = false
        #expect(throws: SavedStateError.self) { try device.restore(state, nil) }
    }
}

/// The workers of a disk at its pause and at its reset.
@Suite struct BlockWorkersTests {
    /// Workers whose jobs wait for `go`.
    private final class Jobs: Sendable {
        let go = Semaphore()
        let begun = Semaphore()
        private let count = Atomic<Int>(0)

        func serve() {
            begun.post()
            go.wait()
            count.add(1, ordering: .relaxed)
        }

        var doneCount: Int { count.load(ordering: .relaxed) }
    }

    private func job() throws -> BlockJob {
        let memory = try DriverMemory(byteCount: 1 << 20)
        let queue = DriverQueue(index: 0, size: 8, in: memory)
        try queue.add([
            .readable(memory.allocate(BlockDriver.header(BlockDriver.flush, sector: 0))),
            .writable(memory.allocate(1)),
        ])
        var configuration = VirtqueueConfiguration(size: 8)
        configuration.descriptorTable = queue.descriptors.start
        configuration.availableRing = queue.available.start
        configuration.usedRing = queue.used.start
        var device = try Virtqueue(configuration, features: .ofEveryDevice, memory: memory.memory)
        var chain = DescriptorChain()
        #expect(try device.pop(into: &chain) == true)
        return BlockJob(request: try BlockRequest(parsing: chain, in: memory.memory), chain: chain)
    }

    /// At most eight jobs are in progress, and all others wait. `finish` serves every one of them, `stop`
    /// only those in progress. Neither leaves a thread behind.
    @Test(arguments: [1, 8, 30], [true, false]) func everyJobOrThoseInProgress(
        _ count: Int, _ finishes: Bool
    ) throws {
        let (jobs, job) = (Jobs(), try job())
        let workers = BlockWorkers { _, _ in jobs.serve() }
        for _ in 0..<count { #expect(workers.submit(job)) }
        let busyCount = min(count, BlockWorkers.maximumCount)
        for _ in 0..<busyCount { jobs.begun.wait() }
        #expect(jobs.doneCount == 0)
        let thread = try HostThread(named: "test-end") { finishes ? workers.finish() : workers.stop() }
        for _ in 0..<100 { sched_yield() }
        for _ in 0..<count { jobs.go.post() }
        thread.join()
        if finishes {
            #expect(jobs.doneCount == count)
        } else {
            #expect(jobs.doneCount >= busyCount && jobs.doneCount <= count)
        }
    }
}
