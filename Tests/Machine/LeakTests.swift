import Foundation
import Machine
import TestSupport
import Testing

@Suite("Machines one after the other, in one process")
struct LeakTests {
    @Test("300 of them leave no descriptor, thread, mapping or memory behind")
    func nothingStays() async {
        // In a process of its own, where nothing else opens or maps anything.
        await #expect(processExitsWith: .success) {
            let disk = try TemporaryFile(byteCount: 4096)
            // The first ones let the allocator and the runtime take what they keep.
            for _ in 0..<20 { try Self.runOne(disk) }
            let before = try Footprint()
            for _ in 0..<300 { try Self.runOne(disk) }
            let after = try Footprint()
            precondition(
                after.descriptors == before.descriptors,
                "descriptors: \(before.descriptors), \(after.descriptors)")
            precondition(after.threads == before.threads, "threads: \(before.threads), \(after.threads)")
            precondition(
                after.mappings <= before.mappings + 32, "mappings: \(before.mappings), \(after.mappings)")
            precondition(
                after.kibibytes <= before.kibibytes + 4096, "KiB: \(before.kibibytes), \(after.kibibytes)")
        }
    }

    @Test("a machine that cannot be built leaves nothing either")
    func failures() async {
        await #expect(processExitsWith: .success) {
            let missing = "/nowhere/disk"
            for _ in 0..<20 { try Self.failOne(missing) }
            let before = try Footprint()
            for _ in 0..<300 { try Self.failOne(missing) }
            let after = try Footprint()
            precondition(after.descriptors == before.descriptors && after.threads == before.threads)
            precondition(after.mappings <= before.mappings + 32 && after.kibibytes <= before.kibibytes + 4096)
        }
    }

    private static func runOne(_ disk: TemporaryFile) throws {
        let run = try MachineRun("halt") {
            $0.cpuCount = 2
            $0.console = .virtio
            $0.disks = [DiskConfiguration(path: disk.path)]
        }
        let end = try run.end()
        precondition(end == .poweredOff, "\(end)")
    }

    private static func failOne(_ disk: String) throws {
        let run = try MachineRun("halt") { $0.disks = [DiskConfiguration(path: disk)] }
        precondition((try? run.end()) == nil)
    }
}

/// What this process holds.
private struct Footprint {
    let descriptors: Int
    let threads: Int
    let mappings: Int
    let kibibytes: Int

    init() throws {
        descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
        mappings = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n").count
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        kibibytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
