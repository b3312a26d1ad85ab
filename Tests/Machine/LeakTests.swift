import Foundation
import Machine
import Synchronization
import TestSupport
import Testing

@Suite("Machines one after the other, in one process")
struct LeakTests {
    @Test("300 of them leave no descriptor, thread, mapping or memory behind")
    func nothingStays() async throws {
        let report = try TemporaryFile()
        // In a process of its own, where nothing else opens or maps anything.
        await #expect(processExitsWith: .success) { [path = report.path as String] in
            let disk = try TemporaryFile(byteCount: 4096)
            try Footprint.expectNoGrowth(over: 300, report: path) { try Self.runOne(disk) }
        }
        let complaint = try String(decoding: report.bytes(), as: UTF8.self)
        #expect(complaint == "")
    }

    @Test("nor do a session and persistent memory")
    func sessions() async throws {
        let report = try TemporaryFile()
        await #expect(processExitsWith: .success) { [path = report.path as String] in
            let files = try (0..<3).map { _ in try TemporaryFile(byteCount: 10_000) }
            try Footprint.expectNoGrowth(over: 300, report: path) {
                let run = try MachineRun("halt", session: SilentSession()) {
                    $0.persistentMemory = files.map(\.path)
                }
                let end = try run.end()
                precondition(end == .poweredOff, "\(end)")
            }
        }
        let complaint = try String(decoding: report.bytes(), as: UTF8.self)
        #expect(complaint == "")
    }

    /// Keeps its link, as sessions do.
    private final class SilentSession: AgentSession {
        private let link = Mutex<AgentLink?>(nil)

        func start(_ link: AgentLink) { self.link.withLock { $0 = link } }
        func received(_ bytes: [UInt8]) {}
        func end() {}
    }

    @Test("a machine that cannot be built leaves nothing either")
    func failures() async throws {
        let report = try TemporaryFile()
        await #expect(processExitsWith: .success) { [path = report.path as String] in
            try Footprint.expectNoGrowth(over: 300, report: path) { try Self.failOne("/nowhere/disk") }
        }
        let complaint = try String(decoding: report.bytes(), as: UTF8.self)
        #expect(complaint == "")
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
    /// Repeats `body`; if this process holds more afterwards than before, says so in the file `report` and
    /// ends.
    static func expectNoGrowth(over rounds: Int, report: String, _ body: () throws -> Void) throws {
        // The first ones let the allocator and the runtime take what they keep.
        for _ in 0..<20 { try body() }
        let before = try Footprint()
        for _ in 0..<rounds { try body() }
        let after = try Footprint()
        let isSame = after.descriptors == before.descriptors && after.threads <= before.threads
        let isSmall = after.mappings <= before.mappings + 32 && after.kibibytes <= before.kibibytes + 4096
        guard isSame && isSmall else {
            try Data("before: \(before)\nafter: \(after)\n".utf8).write(to: URL(filePath: report))
            exit(1)
        }
    }

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
