import Foundation
import Host
import Machine
import TestSupport
import Testing

/// Guests that check the machine from inside and say which check failed.
@Suite("The machine as its guests find it")
struct TinyGuestTests {
    @Test(
        "the 64-bit entry, the PVH entry, the ACPI tables, a serial line without a console",
        arguments: [
            "modes", "pvh", "serial", "portloop", "mmioloop", "virtiorng",
        ])
    func checks(name: String) throws {
        let run = try MachineRun(name)
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test(
        "entry and tables hold with memory on both sides of the hole", arguments: ["modes", "pvh", "tables"])
    func largeMemory(name: String) throws {
        let run = try MachineRun(name) { $0.memoryByteCount = 5 << 30 }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks.last == MachineLog.passed)
    }

    @Test("the tables name as many CPUs as there are", arguments: [1, 2, 64])
    func tables(cpuCount: Int) throws {
        let run = try MachineRun("tables") { $0.cpuCount = cpuCount }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == Array(repeating: 2, count: cpuCount) + [MachineLog.passed])
    }

    @Test(
        "all CPUs start, each with an APIC id of its own, and no more than were asked for",
        arguments: [1, 2, 4, 64])
    func multiprocessing(cpuCount: Int) throws {
        let run = try MachineRun("smp") { $0.cpuCount = cpuCount }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == Array(repeating: 2, count: cpuCount) + [MachineLog.passed])
    }

    @Test("a guest finds out that a CPU is missing")
    func missingCPU() throws {
        let run = try MachineRun("smp") {
            $0.cpuCount = 2
            $0.appendedCommandLine = "count=3"
        }
        #expect(try run.end() == .reset)
        #expect(run.log.marks == [2, 2, 0x82])
    }

    @Test("the command line reaches the guest, replaced and appended")
    func commandLine() throws {
        let run = try MachineRun("portloop") {
            $0.commandLine = "quiet"
            $0.appendedCommandLine = "count=1000"
        }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test(
        "there is an interval timer for a guest that touches it, whatever it touches first", arguments: 0...2)
    func timer(first: Int) throws {
        let run = try MachineRun("timer") { $0.appendedCommandLine = "count=\(first)" }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test("a disk is read: a guest copies its first sector to its last, and nothing else changes")
    func disk() throws {
        let sector = (0..<512).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }
        let file = try TemporaryFile(
            sector + [UInt8](repeating: 0x11, count: 512 * 14) + [UInt8](repeating: 0, count: 512))
        let run = try MachineRun("virtiowrite") { $0.disks = [DiskConfiguration(path: file.path)] }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
        let after = try file.bytes()
        #expect(after.count == 16 * 512)
        #expect(Array(after[..<512]) == sector)
        #expect(after[512..<(15 * 512)].allSatisfy { $0 == 0x11 })
        #expect(Array(after[(15 * 512)...]) == sector)
    }

    @Test("a disk that is attached read-only refuses the guest's write and stays as it was")
    func readOnlyDisk() throws {
        let content = [UInt8](repeating: 0x22, count: 4096)
        let file = try TemporaryFile(content)
        let run = try MachineRun("virtiowrite") {
            var disk = DiskConfiguration(path: file.path)
            disk.isReadOnly = true
            $0.disks = [disk]
        }
        #expect(try run.end() == .reset)
        #expect(run.log.marks == [0x80 | 33], "of a write that failed no byte counts as written")
        #expect(try file.bytes() == content)
    }

    @Test("with several disks the guest finds the first one first")
    func severalDisks() throws {
        let files = try (0..<4).map { try TemporaryFile([UInt8](repeating: UInt8($0 + 1), count: 1024)) }
        try files[0].resize(to: 2048)
        let run = try MachineRun("virtiowrite") { $0.disks = files.map { DiskConfiguration(path: $0.path) } }
        #expect(try run.end() == .poweredOff)
        #expect(try files[0].bytes()[1536...].allSatisfy { $0 == 1 })
        for (index, file) in files.enumerated().dropFirst() {
            #expect(try file.bytes() == [UInt8](repeating: UInt8(index + 1), count: 1024))
        }
    }

    @Test("without the device that a guest looks for, it says so")
    func missingDevice() throws {
        let run = try MachineRun("virtioblock")
        #expect(try run.end() == .reset)
        #expect(run.log.marks.first.map { $0 & 0x80 } == 0x80)
    }
}
