import Foundation
import GuestMemory
import Host
import TestSupport
import Testing

@testable import Boot
@testable import Layout
@testable import Machine

@Suite("Files in the guest's physical memory")
struct PersistentMemoryTests {
    @Test(
        "a guest reads the files and the padding; what it writes goes nowhere",
        arguments: [UInt64(16) << 20, 3 << 30, 5 << 30])
    func reading(memoryByteCount: UInt64) throws {
        let first = try TemporaryFile([0x21] + [UInt8](repeating: 0x22, count: 4095) + [0x23])
        let second = try TemporaryFile([UInt8](repeating: 0x24, count: 5000))
        let run = try MachineRun("virtiopmem") {
            $0.memoryByteCount = memoryByteCount
            $0.persistentMemory = [first.path, second.path]
        }
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [0x21, 0x22, 0x23, 0, 0x24, 0, 0x21, MachineLog.passed])
        #expect(try first.bytes().count == 4097 && first.bytes().first == 0x21)
    }

    @Test("beside disks and without an entropy device")
    func beside() throws {
        let file = try TemporaryFile([0x21])
        let disks = try (0..<3).map { _ in try TemporaryFile(byteCount: 4096) }
        let run = try MachineRun("virtiopmem") {
            $0.persistentMemory = [file.path]
            $0.disks = disks.map { DiskConfiguration(path: $0.path) }
            $0.hasEntropy = false
        }
        #expect(try run.end() == .poweredOff)
        let noEntropy = try MachineRun("virtiorng") { $0.hasEntropy = false }
        #expect(try noEntropy.end() == .reset)
        #expect(noEntropy.log.marks == [0x81], "there is no such device")
    }

    @Test("without files there is no such device")
    func none() throws {
        let run = try MachineRun("virtiopmem")
        #expect(try run.end() == .reset)
        #expect(run.log.marks == [0x81])
    }

    @Test("files that cannot be used keep the machine from starting")
    func failures() throws {
        let file = try TemporaryFile([1])
        let run = try MachineRun("virtiopmem") { $0.persistentMemory = [file.path, "/nowhere/layer"] }
        let failure = try #require(throws: Failure.self) { try run.end() }
        #expect(failure.kind == .missingInput)
        #expect(failure.what == "cannot open the persistent memory /nowhere/layer")
    }

    @Test("more than the CPU has addresses for is a failure that says so")
    func tooMuch() throws {
        let file = try TemporaryFile()
        // As much as the file system takes in one file, so often that 2^52 bytes are nearly full.
        var size = 1 << 50
        while (try? file.resize(to: size)) == nil { size /= 2 }
        let paths = [String](repeating: file.path, count: min(200, ((1 << 52) - (4 << 20)) / size))
        let run = try MachineRun("virtiopmem") { $0.persistentMemory = paths }
        let failure = try #require(throws: Failure.self) { try run.end() }
        #expect(failure.kind == .unavailable || failure.what.hasPrefix("cannot reserve"), "\(failure)")
    }

    /// In MiB.
    private static let places: [(memory: UInt64, start: UInt64)] = [
        (2, 4096), (3072, 4096), (3073, 5120), (4096, 5120), (4097, 6144), (5120, 6144),
    ]

    @Test("it lies at the next GiB above RAM, and above 4 GiB", arguments: places)
    func place(memory: UInt64, start: UInt64) throws {
        let memory = try GuestMemory(byteCount: memory << 20)
        #expect(Layout.persistentMemory(above: memory) == GuestAddress(start << 20))
    }
}
