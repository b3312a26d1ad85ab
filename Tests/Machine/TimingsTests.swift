import Foundation
import Host
import Machine
import TestSupport
import Testing

@Suite("Timings")
struct TimingsTests {
    private struct Device: Decodable, Equatable {
        let name: String
        let errors: Int
        let faults: Int
    }

    private struct Parsed: Decodable {
        let clock: String
        let unit: String
        let processStart: UInt64
        let steps: [String: UInt64?]
        let guest: [String: UInt64]
        let devices: [Device]
        let end: String
        let status: Int
    }

    @Test("every step of a run is there, in its order, and in the JSON")
    func complete() throws {
        let run = try MachineRun("halt")
        let end = try run.end()
        let expected: [Timings.Step] = [.kvmOpened, .memoryReady, .kernelLoaded, .firstRun, .userland, .end]
        let times = try expected.map { try #require(run.timings.nanoseconds(to: $0), "\($0)") }
        #expect(times == times.sorted())
        #expect(run.timings.nanoseconds(to: .devicesReady).map { $0 <= times[3] } == true)
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let parsed = try decoder.decode(Parsed.self, from: Data(run.timings.json(end: end).utf8))
        #expect(
            (parsed.clock, parsed.unit, parsed.end, parsed.status) == ("CLOCK_MONOTONIC", "ns", "poweroff", 0)
        )
        #expect(parsed.guest == ["bus_locks": 0, "notify_exits": 0])
        #expect(parsed.devices == [Device(name: "entropy source", errors: 0, faults: 0)])
        #expect(parsed.processStart == run.timings.processStart.nanoseconds)
        #expect(Set(parsed.steps.keys) == Set(Timings.Step.allCases.map(\.name)))
        for step in Timings.Step.allCases {
            #expect(parsed.steps[step.name] == run.timings.nanoseconds(to: step))
        }
        #expect(run.timings.nanoseconds(to: .firstConsoleByte) == nil, "there was no console")
    }

    @Test("only the first time of a step counts; time before the start is none")
    func firstCounts() {
        let timings = Timings(processStart: MonotonicTime(nanoseconds: 1000))
        timings.note(.userland, at: MonotonicTime(nanoseconds: 1500))
        timings.note(.userland, at: MonotonicTime(nanoseconds: 9000))
        timings.note(.mainEntered, at: MonotonicTime(nanoseconds: 10))
        #expect(timings.nanoseconds(to: .userland) == 500)
        #expect(timings.nanoseconds(to: .mainEntered) == 0)
        #expect(timings.nanoseconds(to: .end) == nil)
    }
}
