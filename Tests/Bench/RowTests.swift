import Host
import Testing

@testable import vmm_bench

/// The rows of the report from figures that a test wrote.
@Suite("rows of the report")
struct RowTests {
    private func field(_ text: String) throws -> JSONField {
        try JSONDocument(complaint: "cannot use the test's text", subject: "it").root(Array(text.utf8))
    }

    private func limits() throws -> JSONField {
        try field(
            """
            {"boot_per_firecracker": 0.8, "boot_per_other_peer": 1.0, "start_per_floor": 2.0,
             "exit_per_floor": 1.1, "anonymous_kib": 1024, "block_throughput_per_firecracker": 1.0,
             "container_per_runc": 1.5, "container_per_crun": 0.7, "container_per_firecracker": 1.0, "import_per_umoci": 1.0,
             "idle_count": 200, "sequence_count": 1000, "left_kib_per_machine": 16,
             "left_files_per_machine": 0.5}
            """)
    }

    private func run(_ name: String, _ milliseconds: Double, marker: Bool = false) -> String {
        let time = Int(milliseconds * 1e6)
        func samples(_ quantity: String, _ time: Int) -> String {
            "\"\(quantity)\": {\"min\": \(time), \"median\": \(time), \"p90\": \(time), \"samples\": [\(time)]}"
        }
        let marked = marker ? samples("mark_ns", time / 2) + ", " : ""
        return "{\"name\": \"\(name)\", \(samples("wall_ns", time)), \(marked)\(samples("cpu_ns", time))}"
    }

    @Test("a start within the promise is met, and one beyond it is not")
    func start() throws {
        for (own, verdict) in [(19.0, "met"), (21, "UNMET")] {
            let figures = try field("[\(run("vmm", own, marker: true)), \(run("floor", 10, marker: true))]")
            let rows = try StartPart.rows(figures, limits(), .lab)
            #expect(rows.map { $0.cells.last } == [verdict, verdict, verdict, "", ""])
            let ratio = "\(Decimal.fixed(own / 10, digits: 2))"
            #expect(
                rows[4].cells == [
                    "start to end of the process, median", "\(Decimal.fixed(own, digits: 1)) ms", "10.0 ms",
                    ratio,
                    "", "",
                ])
            #expect(rows[0].promise == "<= 2")
            // A host that does other work judges by the quickest sample.
            #expect(try StartPart.rows(figures, limits(), .host)[1].promise == nil)
        }
    }

    @Test("an exit costs the difference between many accesses and few")
    func exits() throws {
        let times = [("vmm", 1.0, 7.0), ("floor", 0.5, 5.5)]
        let runs = ["port", "mmio"].flatMap { kind in
            times.flatMap { name, few, many in
                [run("\(name)-\(kind)-1000", few), run("\(name)-\(kind)-6000", many)]
            }
        }
        let figures = try field(
            "{\"few\": 1000, \"many\": 6000, \"runs\": [\(runs.joined(separator: ", "))]}")
        let rows = try ExitsPart.rows(figures, limits(), .lab)
        #expect(rows.map { $0.what } == ["port exit, CPU time", "MMIO exit, CPU time"])
        #expect(rows[0].cells.dropFirst() == ["1200 ns", "1000 ns", "1.20", "<= 1.1", "UNMET"])
        #expect(try ExitsPart.rows(figures, limits(), .host).count == 4)
    }

    @Test("a boot is held to each peer's promise, and its steps are those between the marks")
    func boot() throws {
        let steps = "{\"steps\": {\"main_entered\": 1000000, \"kvm_opened\": 3000000, \"end\": 90000000}}"
        let figures = try field(
            """
            {"runs": [\(run("vmm", 100)), \(run("firecracker", 120)), \(run("qemu-microvm", 101))],
             "timings": [{"steps": {"main_entered": 77000000}}, \(steps), \(steps)]}
            """)
        let rows = try BootPart.rows(figures, limits(), .lab)
        let text = rows.map { $0.cells.filter { !$0.isEmpty }.joined(separator: "|") }
        #expect(
            text == [
                "wall, firecracker|100.0 ms|120.0 ms|0.83|<= 0.8|UNMET",
                "CPU time, firecracker|100.0 ms|120.0 ms|0.83",
                "wall, qemu-microvm|100.0 ms|101.0 ms|0.99|<= 1|met",
                "CPU time, qemu-microvm|100.0 ms|101.0 ms|0.99",
                "vmm: process, arguments|1.00 ms", "vmm: KVM opened|2.00 ms",
                "vmm: exec before, teardown after|10.0 ms",
            ])
    }

    @Test("throughput is the median of the rounds, and more is better")
    func block() throws {
        func round(_ monitor: String, _ nanoseconds: Int) -> String {
            "{\"monitor\": \"\(monitor)\", \"results\": [{\"name\": \"read-random-1\", \"bytes\": 1000000, "
                + "\"ns\": \(nanoseconds)}]}"
        }
        let figures = try field(
            "[\(round("vmm", 10_000_000)), \(round("firecracker", 9_000_000)), \(round("vmm", 10_000_000))]")
        let rows = try BlockPart.rows(figures, limits(), .lab)
        #expect(
            rows.map(\.cells) == [
                ["read-random-1, Firecracker", "100.0 MB/s", "111.1 MB/s", "0.90", ">= 1", "UNMET"]
            ])
    }

    @Test("everything that many monitors leave behind is judged, and memory only in the lab")
    func density() throws {
        func counts(_ memory: Int, files: Int, machines: Int, children: Int) -> String {
            "{\"available_kib\": \(memory), \"open_files\": \(files), \"open_files_error\": 10, "
                + "\"machines\": \(machines), \"children\": \(children)}"
        }
        let before = counts(1_000_000, files: 100, machines: 0, children: 0)
        let after = counts(990_000, files: 400, machines: 1, children: 2)
        func series(_ count: Int, _ more: String) -> String {
            "{\"count\": \(count), \"statuses\": [0], \"before\": \(before), \"after\": \(after)\(more)}"
        }
        let more = ", \"started_s\": 1, \"ended_s\": 2, \"pss_kib\": [700, 800, 900], \"during\": \(after)"
        let figures = try field(
            "{\"idle\": \(series(200, more)), \"sequence\": \(series(1000, ", \"took_s\": 20"))}")
        let rows = try DensityPart.rows(figures, limits(), .lab)
        let left = rows.filter { $0.what.contains("left") }.map { $0.cells.last }
        #expect(left == ["UNMET", "UNMET", "UNMET", "UNMET", "UNMET", "met", "met", "UNMET"])
        #expect(rows[0].promise == nil && rows[2].own == "800 KiB" && rows[3].own == "50 KiB")
        let host = try DensityPart.rows(figures, limits(), .host)
        #expect(host[0].cells.last == "met" && host[0].promise == "200")
        #expect(host.filter { $0.what.contains("memory left") }.allSatisfy { $0.promise == nil })
    }

    @Test("figures that are missing are refused with their name")
    func missing() throws {
        let failure = #expect(throws: Failure.self) {
            try StartPart.rows(try field("[\(run("vmm", 1, marker: true))]"), limits(), .lab)
        }
        #expect(failure?.what == "cannot report floor")
    }
}
