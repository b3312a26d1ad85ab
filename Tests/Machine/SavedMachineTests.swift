import Foundation
import GuestMemory
import Host
import KVM
import Synchronization
import TestSupport
import Testing

@testable import Machine

/// A machine that was saved into files.
struct SavedFiles: Sendable {
    let state: [UInt8]
    let memory: TemporaryFile

    init(state: [UInt8], memory: TemporaryFile) {
        self.state = state
        self.memory = memory
    }

    /// Saves a paused machine, with all of its memory: no page is one of a kernel's file.
    init(of machine: Machine) throws {
        memory = try TemporaryFile([])
        state = try machine.save(
            memory: try OwnedDescriptor(opening: memory.path, for: .readingAndWriting), kernel: "/nowhere")
    }

    /// The saved machine, from files with this state and the first `byteCount` bytes of the memory.
    func machine(state: [UInt8]? = nil, byteCount: Int? = nil) throws -> SavedMachine {
        let file = try OwnedDescriptor(opening: memory.path, for: .readingAndWriting)
        if let byteCount { #expect(ftruncate(file.rawValue, off_t(byteCount)) == 0) }
        return try SavedMachine(state: state ?? self.state, memory: file)
    }
}

@Suite("Machines that are saved into files and restored from them")
struct SavedMachineTests {
    /// A machine with the guest `counters`, saved while it counts, and its counters at that time.
    private func saved(_ counting: Counting, _ cpuCount: Int) throws -> (SavedFiles, [UInt64]) {
        let first = try CountingMachine(counting, cpuCount: cpuCount)
        try first.waitUntilAllCount(from: first.counters())
        #expect(first.machine.pause())
        let before = try first.counters()
        let files = try SavedFiles(of: first.machine)
        first.machine.resume()
        try first.waitUntilAllCount(from: before)
        try first.end()
        return (files, before)
    }

    private func restore(_ files: SavedFiles, _ counting: Counting, _ cpuCount: Int) throws -> MachineRun {
        try MachineRun("counters", restoring: files) { counting.configure(&$0, cpuCount: cpuCount) }
    }

    @Test(
        "every CPU goes on where it was, in any number of machines", arguments: Counting.allCases, [1, 2, 8])
    func goOn(counting: Counting, cpuCount: Int) throws {
        let (files, before) = try saved(counting, cpuCount)
        let content = try files.memory.bytes()
        #expect(content.count < 4 << 20, "pages of zeroes are left out")
        let clones = try (0..<2).map { _ in try restore(files, counting, cpuCount) }
        for clone in clones {
            try eventually("all CPUs count on") {
                guard let machine = clone.machine else { return false }
                return zip(try machine.counters(cpuCount), before).allSatisfy { $0 > $1 }
            }
            // A guest that had begun anew would have left its mark.
            #expect(clone.timings.nanoseconds(to: .userland) == nil)
        }
        for clone in clones {
            clone.signal(SIGINT)
            #expect(try clone.end() == .endedByUser)
            #expect(clone.log.marks == [])
        }
        #expect(try files.memory.bytes() == content, "a machine never writes to the file")
    }

    @Test("a restored machine can be saved again")
    func again() throws {
        var (files, before) = try saved(.inALoop, 2)
        for _ in 0..<5 {
            let clone = try restore(files, .inALoop, 2)
            try eventually("all CPUs count on") {
                guard let machine = clone.machine else { return false }
                return zip(try machine.counters(2), before).allSatisfy { $0 > $1 }
            }
            let machine = try #require(clone.machine)
            #expect(machine.pause())
            before = try machine.counters(2)
            files = try SavedFiles(of: machine)
            machine.resume()
            clone.signal(SIGINT)
            #expect(try clone.end() == .endedByUser)
        }
    }

    @Test("a state without its memory, and a damaged state, are refused")
    func damaged() throws {
        let (files, _) = try saved(.inALoop, 1)
        _ = try files.machine()
        for state in [[], Array(files.state.dropLast()), files.state + [0], files.state.map { ~$0 }] {
            let failure = #expect(throws: Failure.self) { _ = try files.machine(state: state) }
            #expect(failure?.kind == .badInput)
        }
        let byteCount = try files.memory.bytes().count
        let failure = #expect(throws: Failure.self) { _ = try files.machine(byteCount: byteCount - 4096) }
        #expect(failure?.why == "the file of its memory is too short")
    }

    @Test("a machine of another form is refused")
    func otherForm() throws {
        let (files, _) = try saved(.inALoop, 2)
        let forms: [@Sendable (inout MachineConfiguration) -> Void] = [
            { $0.cpuCount = 1 }, { $0.cpuCount = 3 }, { $0.hasEntropy = false },
        ]
        for change in forms {
            let run = try MachineRun("counters", restoring: files) {
                Counting.inALoop.configure(&$0, cpuCount: 2)
                change(&$0)
            }
            let failure = #expect(throws: Failure.self) { _ = try run.end() }
            #expect(failure?.kind == .badInput)
        }
    }

    @Test("memory that the machine does not have is refused")
    func otherMemory() throws {
        let (files, _) = try saved(.inALoop, 1)
        let changes: [@Sendable (inout MemoryExtent) -> Void] = [
            { $0.address = 16 << 20 }, { $0.address = 0xFFFF_FFFF_FFFF_F000 }, { $0.address += 1 },
            { $0.fileOffset += 1 }, { $0.fileOffset = .max }, { $0.byteCount = 1 << 40 },
            { $0.byteCount = .max }, { $0.byteCount = 0 },
        ]
        for change in changes {
            var state = try #require(MachineState(fileBytes: files.state))
            change(&state.memory[0])
            let changed = SavedFiles(state: state.fileBytes, memory: files.memory)
            let run = try MachineRun("counters", restoring: changed) {
                Counting.inALoop.configure(&$0, cpuCount: 1)
            }
            let failure = #expect(throws: Failure.self) { _ = try run.end() }
            #expect(failure?.kind == .badInput)
        }
    }

    @Test("kvm-clock and the time stamp counter keep their distance")
    func clocks() throws {
        // Without hardware virtualization a guest reads the host's own counter.
        guard Virtualization.ofThisHost() != .none else { return }
        let first = try CountingMachine(.inALoop, cpuCount: 1)
        #expect(first.machine.pause())
        let before = try distance(of: first.machine)
        usleep(20_000)
        let files = try SavedFiles(of: first.machine)
        first.machine.resume()
        try first.end()
        var changes: [Int64] = []
        for _ in 0..<5 {
            usleep(20_000)
            let after = Mutex<Int64?>(nil)
            let clone = try MachineRun("counters", restoring: files) {
                Counting.inALoop.configure(&$0, cpuCount: 1)
            } prepare: { machine in
                let found = try? distance(of: machine)
                after.withLock { $0 = found }
            }
            try eventually("the machine is built") { clone.machine != nil }
            clone.signal(SIGINT)
            _ = try clone.end()
            changes.append(abs(try #require(after.withLock { $0 }) - before))
        }
        // A busy host interrupts some of the readings. Clocks that are saved or restored one after the other
        // are milliseconds apart each time.
        #expect(changes.contains { $0 < 500_000 }, "\(changes) ns")
    }

    /// The difference between the two clocks of a machine that stands still, in nanoseconds.
    private func distance(of machine: Machine) throws -> Int64 {
        let state = try machine.cpus[0].state(KVMSystem().vcpuStateFormat())
        let clock = GuestClock(vm: machine.vm, cpu: machine.cpus[0], frequency: state.timeStampFrequency)
        let counted = Double(state.timeStamp) * 1e6 / Double(state.timeStampFrequency)
        return Int64(try clock.nanoseconds(at: state.timeStamp)) - Int64(counted)
    }
}
