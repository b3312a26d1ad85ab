import Foundation
import Host
import TestSupport
import Testing

@testable import Comparison
@testable import Measure

/// A report with everything in it, some of it awkward.
enum Example {
    static let names = PathFinder.all

    static func report(samples: Int = 30) -> ComparisonReport {
        var options = ComparisonOptions()
        options.parallel = [1, 10]
        let host = HostDescription(
            place: .emulated, clock: .instructions, cpu: "A <CPU> & \"more\"", cpuCount: 2,
            memoryByteCount: 8 << 30,
            kernel: "6.12.0-with-a-long-name-as-distributions-like-them-amd64",
            system: "Debian GNU/Linux 12 (bookworm)",
            cgroups: "v2", date: "2026-11-21T12:00:00Z",
            findings: [("kvm", "/dev/kvm opens"), ("hardware", "AMD SVM")])
        var report = ComparisonReport(
            host: host, image: "docker.io/library/<script>alert(1)</script>",
            command: ["sh", "-c", "echo \"a, b\""],
            options: options, repetition: ["vmm", "compare", "image", "sh", "-c", "echo \"a, b\""])
        report.paths = names.enumerated().map { path($1, index: Double($0), samples: samples) }
        report.absences = [
            Absence("crun", .broken, String(repeating: "a long last line ", count: 12), cure: nil),
            Absence("docker", .absent, "not installed", cure: "apt-get install docker.io"),
        ]
        report.notes = ["podman, 100 at once: not run, because they would need 12 GiB and 8 GiB is there."]
        return report
    }

    private static func path(_ name: String, index: Double, samples count: Int) -> PathReport {
        var random = RandomSequence(seed: UInt64(index) + 9)
        var path = PathReport(name: name)
        path.version = "1.\(Int(index))"
        path.description = "how \(name) was run"
        path.cpuScope = "the process and its descendants"
        path.executableByteCount = Int(index) << 24
        path.imageByteCount = 5 << 20
        let centre = 0.001 * (1 + index * index * 8)
        for (together, runs) in [(1, count), (10, 30)] {
            for round in 0..<runs {
                let total = centre * Double(together) * Double.random(in: 0.9...1.2, using: &random)
                var milestones = Milestones()
                milestones.end("layers", at: total * 0.1)
                if name == "vmm" { milestones.end("kernel", at: total * 0.6) }
                milestones.end("start", at: total * 0.8)
                path.samples.append(
                    Sample(
                        total: total, firstByte: total * 0.8, cpu: name == "docker" ? nil : total * 0.7,
                        phases: milestones.phases(total: total, last: "end"), round: round + 1,
                        together: together))
            }
        }
        var footprint = Footprint()
        footprint.points = [1, 2, 5, 10, 20].map {
            Footprint.Point(count: $0, memoryByteCount: $0 * Int(index + 1) << 20, start: centre * Double($0))
        }
        footprint.pssByteCount = 3 << 20
        footprint.processCount = 2
        footprint.threadCount = 10.5
        footprint.capacity = 1234
        path.footprint = footprint
        path.work = ["computation", "reading a large file in a layer"].map {
            WorkResult(name: $0, rates: [1e9 / (index + 1), 1.1e9 / (index + 1)], unit: "B/s")
        }
        path.isolation = [
            Sight(name: "kernel release", value: name == "vmm" ? "6.12.1" : "6.1.0 <host>"),
            Sight(name: "effective capabilities", value: "\(Int(index) / 3)"),
        ]
        return path
    }
}

@Suite("a report for people and programs")
struct ReportTests {
    private func object(_ report: ComparisonReport) throws -> [String: Any] {
        let json = try JSONSerialization.jsonObject(with: Data(report.json.text().utf8))
        return try #require(json as? [String: Any])
    }

    @Test("the terminal's fits 100 columns and has no colours unless asked")
    func width() {
        for line in Example.report().text(inColour: false).split(separator: "\n") {
            #expect(line.count <= 100, "\(line.count): \(line)")
            #expect(!line.contains("\u{1B}"))
        }
        #expect(Example.report().text(inColour: true).contains("\u{1B}[1m"))
    }

    @Test("it says what was measured on what, and what is absent and why")
    func words() {
        let text = Example.report().text(inColour: false).replacing("\n", with: " ")
        for words in [
            "instruction clock", "docker: not installed", "apt-get install docker.io", "crun: broken",
            "100 at once",
        ] {
            #expect(text.contains(words), "\(words)")
        }
        for name in Example.names { #expect(text.contains(name)) }
    }

    @Test("JSON has the host, every path and every sample, and phases that add up")
    func json() throws {
        let all = try object(Example.report())
        #expect((all["host"] as? [String: Any])?["clock"] as? String == "instruction clock")
        let paths = try #require(all["paths"] as? [[String: Any]])
        #expect(paths.map { $0["path"] as? String } == Example.names)
        for path in paths {
            let startup = try #require(path["startup"] as? [String: Any])
            let samples = try #require(startup["samples"] as? [[String: Any]])
            #expect(samples.count == 30)
            for sample in samples {
                let total = try #require(sample["total"] as? Double)
                let phases = try #require(sample["phases"] as? [String: Double])
                #expect(abs(phases.values.reduce(0, +) - total) < 1e-8)
                #expect(try #require(sample["first_byte"] as? Double) <= total)
            }
            #expect((path["parallel"] as? [[String: Any]])?.first?["together"] as? Int == 10)
        }
        #expect(
            (all["absent"] as? [[String: Any]])?.compactMap { $0["kind"] as? String } == ["broken", "absent"])
    }

    @Test("durations and sizes keep three digits and their unit")
    func quantities() {
        #expect(Decimal.duration(0.0123456) == "12.3 ms" && Decimal.duration(0.0000005) == "0.500 us")
        #expect(Decimal.duration(75.25) == "75.3 s" && Decimal.duration(0) == "0 ms")
        #expect(Decimal.bytes(3.5 * 1024 * 1024) == "3.50 MiB" && Decimal.bytes(1023) == "1023 B")
        #expect(Decimal.trimmed("1.00 ms") == "1 ms" && Decimal.trimmed("100 ms") == "100 ms")
    }

    @Test("CSV has a line a run, all with the columns of the first")
    func csv() {
        let lines = Example.report().csv.components(separatedBy: "\r\n").dropLast()
        let columns = lines[0].components(separatedBy: ",")
        #expect(columns.starts(with: ["path", "version", "together", "round", "total", "first_byte", "cpu"]))
        #expect(lines.count == 1 + Example.names.count * 60)
        #expect(lines.allSatisfy { $0.components(separatedBy: ",").count == columns.count })
    }

    @Test("a report without any figure can be written too")
    func empty() throws {
        var report = Example.report()
        report.paths = []
        #expect(report.csv.hasPrefix("path,") && report.html.contains("</html>"))
        #expect(!report.text(inColour: false).isEmpty)
        _ = try object(report)
    }
}
