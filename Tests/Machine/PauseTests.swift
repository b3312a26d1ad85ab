import Foundation
import GuestMemory
import Host
import KVM
import TestSupport
import Testing

@testable import Machine

/// The three ways in which the guest `counters` counts.
enum Counting: Int, CaseIterable, Sendable {
    case inALoop
    case byTimerWhileHalted
    case byPortsAndMMIO

    /// Sets up a machine with a COM1, whose scratch register the guest uses.
    func configure(_ configuration: inout MachineConfiguration, cpuCount: Int) {
        configuration.cpuCount = cpuCount
        configuration.appendedCommandLine = "count=\(rawValue)"
        (configuration.console, configuration.keepsConsole) = (.serial, true)
    }
}

/// A machine with the guest `counters`, and a view of its counters.
struct CountingMachine {
    let run: MachineRun
    let machine: Machine
    let cpuCount: Int

    init(_ counting: Counting, cpuCount: Int) throws {
        run = try MachineRun("counters") { counting.configure(&$0, cpuCount: cpuCount) }
        try run.waitForUserland()
        machine = try #require(run.machine)
        self.cpuCount = cpuCount
    }

    /// The counter of each CPU.
    func counters() throws -> [UInt64] { try machine.counters(cpuCount) }

    /// Waits until each CPU has counted on from `before`.
    func waitUntilAllCount(from before: [UInt64]) throws {
        try eventually("all CPUs count") {
            zip(try counters(), before).allSatisfy { $0 > $1 }
        }
    }

    func end() throws {
        run.signal(SIGINT)
        #expect(try run.end() == .endedByUser)
        #expect(run.log.marks == [], "no check of the guest failed")
    }
}

extension Machine {
    func counters(_ cpuCount: Int) throws -> [UInt64] {
        try (0..<cpuCount).map { cpu in
            try memory.load(at: GuestAddress(0x11_8100 + 64 * UInt64(cpu)))
        }
    }
}

@Suite("Pauses of a running machine")
struct PauseTests {
    @Test(
        "the counters stand still in a pause and go on after it", arguments: Counting.allCases, [1, 2, 8])
    func standStill(counting: Counting, cpuCount: Int) throws {
        let counted = try CountingMachine(counting, cpuCount: cpuCount)
        for _ in 0..<10 {
            try counted.waitUntilAllCount(from: counted.counters())
            #expect(counted.machine.pause())
            let before = try counted.counters()
            usleep(3000)
            #expect(try counted.counters() == before)
            counted.machine.resume()
            try counted.waitUntilAllCount(from: before)
        }
        try counted.end()
    }

    @Test("pauses nest: the guest goes on after the last resume")
    func nesting() throws {
        let counted = try CountingMachine(.inALoop, cpuCount: 2)
        #expect(counted.machine.pause() && counted.machine.pause())
        let before = try counted.counters()
        counted.machine.resume()
        usleep(3000)
        #expect(try counted.counters() == before)
        counted.machine.resume()
        try counted.waitUntilAllCount(from: before)
        try counted.end()
    }

    @Test("a machine that is paused before it runs begins with the resume")
    func pausedFromTheStart() throws {
        let run = try MachineRun("portloop") {
            $0.cpuCount = 2
            $0.appendedCommandLine = "count=10"
        } prepare: { machine in
            // The first pair leaves no trace.
            #expect(machine.pause())
            machine.resume()
            #expect(machine.pause())
        }
        try eventually("the machine runs") { run.timings.nanoseconds(to: .firstRun) != nil }
        usleep(20_000)
        #expect(run.timings.nanoseconds(to: .userland) == nil)
        let machine = try #require(run.machine)
        #expect(machine.pause(), "a pause in a pause")
        machine.resume()
        machine.resume()
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test("a pause that begins before the vCPUs start may end at any time after it", arguments: 0..<20)
    func startInPause(turn: UInt32) throws {
        let run = try MachineRun("portloop") {
            $0.appendedCommandLine = "count=100"
        } prepare: { machine in
            #expect(machine.pause())
        }
        try eventually("the machine is about to start") { run.timings.nanoseconds(to: .firstRun) != nil }
        usleep(turn * 20)
        let machine = try #require(run.machine)
        machine.resume()
        if machine.pause() { machine.resume() }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test("two threads that pause and resume in turn leave the guest running")
    func twoThreads() throws {
        let counted = try CountingMachine(.byPortsAndMMIO, cpuCount: 2)
        let machine = counted.machine
        let thread = try HostThread(named: "second") {
            for _ in 0..<200 where machine.pause() { machine.resume() }
        }
        for _ in 0..<200 where machine.pause() { machine.resume() }
        thread.join()
        try counted.waitUntilAllCount(from: counted.counters())
        try counted.end()
    }

    @Test("a paused machine can end", arguments: [1, 8])
    func endInPause(cpuCount: Int) throws {
        let counted = try CountingMachine(.byTimerWhileHalted, cpuCount: cpuCount)
        #expect(counted.machine.pause())
        try counted.end()
        #expect(!counted.machine.pause(), "it has ended")
        counted.machine.resume()
    }

    @Test("a pause while the machine ends neither hangs nor delays the end", arguments: 0..<10)
    func endMeanwhile(turn: UInt32) throws {
        let run = try MachineRun("portloop") { $0.appendedCommandLine = "count=2000" }
        try run.waitForUserland()
        let machine = try #require(run.machine)
        usleep(turn * 1000)
        for _ in 0..<500 {
            guard machine.pause() else { break }
            machine.resume()
        }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test(
        "a guest that is paused two hundred times still does all of its work, each access and request once",
        arguments: ["serial", "portloop", "mmioloop", "virtiorng", "virtiowrite", "timer"])
    func nothingIsLost(name: String) throws {
        let disk = try TemporaryFile(
            [UInt8](repeating: 0x5A, count: 512) + [UInt8](repeating: 0, count: 7680))
        let run = try MachineRun(name) {
            $0.appendedCommandLine = "count=2000"
            $0.disks = [DiskConfiguration(path: disk.path)]
        }
        try eventually("the machine is built") { run.machine != nil }
        let machine = try #require(run.machine)
        for _ in 0..<200 {
            guard machine.pause() else { break }
            machine.resume()
            usleep(200)
        }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
        if name == "virtiowrite" { #expect(try disk.bytes().suffix(512).allSatisfy { $0 == 0x5A }) }
    }

    @Test("the state of running vCPUs cannot be read")
    func running() throws {
        let counted = try CountingMachine(.inALoop, cpuCount: 2)
        let format = try KVMSystem().vcpuStateFormat()
        let cpu = try #require(counted.machine.cpus.first)
        let failure = #expect(throws: Failure.self) { _ = try cpu.state(format) }
        #expect(failure?.why == "it is running")
        #expect(counted.machine.pause())
        _ = try cpu.state(format)
        counted.machine.resume()
        try counted.end()
    }
}

@Suite("vCPUs, interrupt controllers and memory in another machine")
struct MoveTests {
    @Test("every CPU goes on where it was", arguments: Counting.allCases, [1, 2, 8])
    func move(counting: Counting, cpuCount: Int) throws {
        let first = try CountingMachine(counting, cpuCount: cpuCount)
        try first.waitUntilAllCount(from: first.counters())
        #expect(first.machine.pause())
        let before = try first.counters()
        let saved = try SavedParts(of: first.machine)
        first.machine.resume()
        try first.end()

        let second = try MachineRun("counters") {
            counting.configure(&$0, cpuCount: cpuCount)
        } prepare: { (machine) throws(Failure) in
            try saved.restore(machine)
        }
        try eventually("all CPUs count on") {
            guard let machine = second.machine else { return false }
            return zip(try machine.counters(cpuCount), before).allSatisfy { $0 > $1 }
        }
        // A guest that had begun anew would have left its mark.
        #expect(second.timings.nanoseconds(to: .userland) == nil)
        second.signal(SIGINT)
        #expect(try second.end() == .endedByUser)
        #expect(second.log.marks == [])
    }
}

/// The parts of a paused machine that `counters` uses.
private struct SavedParts: Sendable {
    let memory: [UInt8]
    let cpus: [VCPUState]
    let controllers: InterruptControllerState
    let clock: UInt64

    init(of machine: Machine) throws {
        let format = try KVMSystem().vcpuStateFormat()
        clock = try machine.vm.clockNanoseconds()
        cpus = try machine.cpus.map { try $0.state(format) }
        controllers = try machine.vm.interruptControllerState()
        memory = try machine.memory.bytes(at: GuestAddress(0), count: Int(machine.memory.byteCount))
    }

    /// Restores the parts into a machine of the same form that has not run.
    func restore(_ machine: Machine) throws(Failure) {
        let format = try KVMSystem().vcpuStateFormat()
        do { try machine.memory.write(memory, at: GuestAddress(0)) } catch { preconditionFailure() }
        var shift: UInt64?
        for (cpu, state) in zip(machine.cpus, cpus) {
            shift = try cpu.restore(state, format, timeShift: shift)
        }
        try machine.vm.restore(controllers)
        try machine.vm.setClock(nanoseconds: clock)
        // COM1's scratch register, the only register of a device that this guest changes.
        machine.board.ports.write(0x5A, to: 0x3FF, byteCount: 1)
    }
}
