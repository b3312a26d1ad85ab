import Foundation
import TestSupport
import Testing

@Suite("A device whose driver breaks a rule")
struct DeviceFaultTests {
    private struct Report: Decodable {
        struct Device: Decodable, Equatable {
            let name: String
            let errors: Int
            let faults: Int
            let lastFault: String?
        }
        let devices: [Device]
    }

    @Test("is named at the end, with the count and the rule, for people and for programs")
    func brokenRule() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        let timings = scratch.path + "/timings"
        let run = try ProgramRun(
            Monitor.boot("virtiobad", "--console", "serial", "--disk", disk, "--timings", timings))
        #expect(run.status == 0)
        let line =
            "the guest's disk 1 stopped once because the guest's driver broke a rule: "
            + "a descriptor chain is longer than its queue\n"
        #expect(run.error.contains(line))
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(Report.self, from: Data(contentsOf: URL(filePath: timings)))
        #expect(report.devices.map(\.name) == ["disk 1", "entropy source"])
        #expect(
            report.devices.first
                == Report.Device(
                    name: "disk 1", errors: 0, faults: 1,
                    lastFault: "a descriptor chain is longer than its queue"))
        #expect(report.devices.last?.faults == 0)
    }

    @Test("that nobody broke is not mentioned")
    func noFault() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        let run = try ProgramRun(Monitor.boot("virtioblock", "--console", "serial", "--disk", disk))
        #expect(run.status == 0)
        #expect(!run.error.contains("the guest's disk"))
    }
}
