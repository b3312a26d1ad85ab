import Foundation
import TestSupport
import Testing

/// `vmm compare` by the lab's instruction clock, where nothing but the paths themselves makes two comparisons
/// differ.
@Suite("comparisons in the lab")
struct ComparisonTests {
    private struct Report: Decodable {
        struct Path: Decodable {
            let path: String
            let startup: Startup
        }

        struct Startup: Decodable {
            let total: Summary
            let cpu: Summary
            let samples: [Sample]
        }

        struct Summary: Decodable {
            let p50: Double
            let min: Double
        }

        struct Sample: Decodable {
            let total: Double
            let phases: [String: Double]
        }

        let paths: [Path]

        func startup(_ name: String) -> Startup? { paths.first { $0.path == name }?.startup }
    }

    /// Everything lies in the lab's memory: nothing waits for the host's files.
    private static let script = """
        stage=/dev/shm/compare
        mkdir -p $stage/tree/{bin,dev,etc,proc,sys,tmp}
        cp build/vmm build/vmm-compare build/vmlinux build/agent.cpio $stage/
        cp /bin/busybox $stage/tree/bin/
        ln -s busybox $stage/tree/bin/echo
        source Tests/Lab/hold.sh
        hold crun
        cd $stage
        export VMM_STORE=$stage/store VMM_CLOCK=instructions
        for turn in 1 2; do
            VMM_TEMPLATE=never note run$turn ./vmm compare --paths process,crun,vmm --measure startup --runs 7 --warmup 2 \
                --seed $turn --json $turn.json rootfs:tree echo hello
            note report$turn cat $turn.json
        done
        note restored ./vmm compare --paths vmm --measure startup --runs 3 --warmup 2 --json restored.json \
            rootfs:tree echo hello
        note restoredReport cat restored.json
        """

    @Test("two comparisons agree within 3 %, and the micro-VM's phases are its whole")
    func agreement() throws {
        let boots = try Lab.run(Self.script, clock: .instructions, seconds: 1500)
        let reports = try (1...2).map { try report("run\($0)", "report\($0)", of: boots) }
        for name in ["process", "crun", "vmm"] {
            let startups = try reports.map { try #require($0.startup(name), "\(name) was not measured") }
            let (total, cpu) = (startups.map(\.total.min), startups.map(\.cpu.p50))
            print("lab: \(name) took \(total) s, and \(cpu) s of CPU time")
            #expect(abs(cpu[0] / cpu[1] - 1) < 0.03, "\(name): \(cpu)")
            // What a container runtime waits for, the lab does not execute: the host's files, and grace
            // periods of its kernel.
            if name != "crun" { #expect(abs(total[0] / total[1] - 1) < 0.03, "\(name): \(total)") }
        }
        let phases = ["monitor", "layers", "command"]
        try check(reports, have: Set(phases + ["kernel", "init"]))
        // A machine that goes on from a template has booted before.
        try check([report("restored", "restoredReport", of: boots)], have: Set(phases))
    }

    private func report(_ run: String, _ name: String, of boots: [String: Boot]) throws -> Report {
        let run = try #require(boots[run])
        #expect(run.status == 0, "\(run)")
        let text = try #require(boots[name]).lines.joined(separator: "\n")
        return try JSONDecoder().decode(Report.self, from: Data(text.utf8))
    }

    /// Checks that the phases of each run of `vmm` are these and its end, and that they are the whole run.
    private func check(_ reports: [Report], have phases: Set<String>) throws {
        let samples = reports.flatMap(\.paths).filter { $0.path == "vmm" }.flatMap(\.startup.samples)
        #expect(!samples.isEmpty)
        for sample in samples {
            #expect(Set(sample.phases.keys).subtracting(["end"]) == phases)
            #expect(abs(sample.phases.values.reduce(0, +) / sample.total - 1) < 0.001, "\(sample)")
        }
    }
}
