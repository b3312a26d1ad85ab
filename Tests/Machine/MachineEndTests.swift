import Foundation
import Host
import TestSupport
import Testing

@testable import Machine

@Suite("How a machine ends")
struct MachineEndTests {
    @Test(
        "the guest's own ways",
        arguments: [
            ("poweroff", MachineEnd.poweredOff, Int32(0)), ("halt", .poweredOff, 0),
            ("resetreg", .reset, 3), ("reboot8042", .reset, 3), ("resetcf9", .reset, 3),
            ("pvpanic", .panicked, 4),
        ])
    func byGuest(name: String, expected: MachineEnd, status: Int32) throws {
        let end = try MachineRun(name).end()
        #expect(end == expected)
        #expect(end.exitStatus == status)
    }

    @Test("a triple fault shows the CPU's registers and the bytes at RIP")
    func tripleFault() throws {
        let end = try MachineRun("triplefault").end()
        guard case .tripleFault(let fault) = end else { throw UnexpectedEnd(end) }
        #expect(end.exitStatus == 5)
        #expect(fault.cpu == 0)
        let registers = try Report(fault.report)
        let place = try #require(registers.value("rip"))
        // It is in the guest's code, or at the reset vector: on AMD's processors KVM resets a CPU that has
        // shut down, as its state is undefined then (AMD APM 2, 15.14.3).
        #expect((0x10_0000..<0x12_0000).contains(place) || place == 0xFFF0)
        #expect(registers.code.count == 16)
        #expect(end.description.hasPrefix("the guest ended in a triple fault on vCPU 0\n"))
    }

    @Test("an instruction that KVM cannot run shows the same")
    func internalError() throws {
        let end = try MachineRun("badinsn").end()
        guard case .internalError(let fault) = end else { throw UnexpectedEnd(end) }
        #expect(end.exitStatus == 6)
        let registers = try Report(fault.report)
        let named: [(String, UInt64)] = [("rax", 0x11), ("rbx", 0x22), ("rcx", 0xD000_0000), ("rdx", 0x33)]
        for (name, value) in named { #expect(registers.value(name) == value) }
        // lock cmpxchg16b (%rcx)
        #expect(registers.code.prefix(5) == ["f0", "48", "0f", "c7", "09"])
        #expect(registers.value("cr0").map { $0 & 0x8000_0001 } == 0x8000_0001)
    }

    @Test("SIGTERM presses the power button, and a guest that listens powers off")
    func powerButton() throws {
        let run = try MachineRun("idle")
        try run.waitForUserland()
        run.signal(SIGTERM)
        #expect(try run.end() == .poweredOff)
        #expect(run.log.marks == [MachineLog.passed])
    }

    @Test("a second SIGTERM ends a guest that does not listen", arguments: ["hang", "spin"])
    func secondSignal(name: String) throws {
        let run = try MachineRun(name)
        try run.waitForUserland()
        run.signal(SIGTERM)
        usleep(50_000)
        run.signal(SIGTERM)
        let end = try run.end()
        #expect(end == .terminated)
        #expect(end.exitStatus == 143)
    }

    @Test("SIGINT and SIGHUP end it at once", arguments: [SIGINT, SIGHUP])
    func interrupted(signal: Int32) throws {
        let run = try MachineRun("spin")
        try run.waitForUserland()
        run.signal(signal)
        let end = try run.end()
        #expect(end == .endedByUser)
        #expect(end.exitStatus == 130)
    }

    @Test("a change of the terminal's size is no end")
    func windowChange() throws {
        let run = try MachineRun("idle")
        try run.waitForUserland()
        run.signal(SIGWINCH)
        run.signal(SIGTERM)
        #expect(try run.end() == .poweredOff)
    }

    @Test("many CPUs stop together, whichever of them met the end")
    func manyCPUs() throws {
        let run = try MachineRun("spin") { $0.cpuCount = 16 }
        try run.waitForUserland()
        run.signal(SIGINT)
        #expect(try run.end() == .endedByUser)
    }

    @Test("the first reason counts")
    func firstReason() throws {
        let control = MachineControl(loop: try EventLoop())
        #expect(!control.isEnded && control.reason == nil)
        control.finish(.reset)
        control.finish(.poweredOff)
        #expect(control.isEnded)
        #expect(control.reason == .reset)
    }

    @Test("every end has a name and a status of its own")
    func names() throws {
        guard case .tripleFault(let fault) = try MachineRun("triplefault").end() else {
            throw CancellationError()
        }
        let ends: [MachineEnd] = [
            .poweredOff, .reset, .panicked, .tripleFault(fault), .internalError(fault), .endedByUser,
            .terminated,
            .failed(Failure(.host, "a", because: "b")),
        ]
        #expect(ends.map(\.exitStatus) == [0, 3, 4, 5, 6, 130, 143, 71])
        #expect(Set(ends.map(\.name)).count == ends.count)
        #expect(ends.allSatisfy { !$0.description.isEmpty })
    }
}

struct UnexpectedEnd: Error {
    let end: MachineEnd
    init(_ end: MachineEnd) { self.end = end }
}

/// A fault's report, read back.
private struct Report {
    private var values: [String: UInt64] = [:]
    private(set) var code: [String] = []

    init(_ text: String) throws {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            if words.first == "code" {
                code = Array(words.dropFirst())
                continue
            }
            for pair in stride(from: 0, to: words.count - 1, by: 2) {
                values[words[pair]] = UInt64(words[pair + 1], radix: 16)
            }
        }
        try #require(values.count == 23, "18 general registers and 5 control registers")
    }

    func value(_ name: String) -> UInt64? { values[name] }
}
