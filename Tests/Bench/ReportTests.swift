import Foundation
import Host
import TestSupport
import Testing

@testable import vmm_bench

@Suite("the report of the benchmark")
struct ReportTests {
    private let directory: TemporaryDirectory
    private static let thresholds = Package.path("Benchmarks/thresholds.json")

    init() throws { directory = try TemporaryDirectory() }

    private func write(_ name: String, anonymous: Int) throws {
        let figures = """
            {"pid": 7, "anonymous_kib": \(anonymous), "guest_kib": 100, "rss_kib": 300, "threads": 4, "descriptors": 9}
            """
        try WholeFile.write(figures, to: directory.path(name))
    }

    @Test("has a table for each file of figures, in a fixed order, and counts the promises")
    func text() throws {
        try write("memory-tiny.host.json", anonymous: 1025)
        try write("memory-linux.lab.json", anonymous: 1024)
        try write("unknown.lab.json", anonymous: 1)
        let report = try Report(directory.path, thresholds: Self.thresholds)
        #expect(
            report.text == """

                memory-linux, in the lab
                  what                            vmm       beside  ratio  promise
                  anonymous, without the guest's  1024 KiB                 <= 1024 KiB  met
                  resident, without the guest's   200 KiB
                  threads                         4
                  descriptors                     9

                memory-tiny, on this machine
                  what                            vmm       beside  ratio  promise
                  anonymous, without the guest's  1025 KiB                 <= 1024 KiB  UNMET
                  resident, without the guest's   200 KiB
                  threads                         4
                  descriptors                     9

                1 of 2 figures keep their promise. Times in the lab count instructions, 2 ns each.
                """)
    }

    @Test("keeps every row and every sample as JSON")
    func json() throws {
        try write("memory-linux.lab.json", anonymous: 5)
        let report = try Report(directory.path, thresholds: Self.thresholds)
        let text = Data(report.json.text().utf8)
        let all = try #require(try JSONSerialization.jsonObject(with: text) as? [String: Any])
        let samples = all["samples"] as? [String: [String: Int]]
        #expect(samples?["memory-linux lab"]?["anonymous_kib"] == 5)
        #expect((all["rows"] as? [String: [Any]])?["memory-linux lab"]?.count == 4)
        #expect((all["thresholds"] as? [String: Double])?["boot_per_firecracker"] == 0.8)
    }

    @Test("refuses a file of figures that is cut off, and names it")
    func damaged() throws {
        try WholeFile.write("[{", to: directory.path("start.lab.json"))
        let failure = #expect(throws: Failure.self) {
            try Report(directory.path, thresholds: Self.thresholds)
        }
        #expect(failure?.what.contains("start.lab.json") == true)
    }
}
