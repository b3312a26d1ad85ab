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
            note run$turn ./vmm compare --paths process,crun,vmm --measure startup --runs 7 --warmup 2 \
                --seed $turn --json $turn.json rootfs:tree echo hello
            note report$turn cat $turn.json
        done
        """

    @Test("two comparisons agree within 3 %, and the micro-VM's phases are its whole")
    func agreement() throws {
        let boots = try Lab.run(Self.script, clock: .instructions, seconds: 1500)
        let reports = try (1...2).map { turn in
            let run = try #require(boots["run\(turn)"])
            #expect(run.status == 0, "\(run)")
            let text = try #require(boots["report\(turn)"]).lines.joined(separator: "\n")
            return try JSONDecoder().decode(Report.self, from: Data(text.utf8))
        }
        for name in ["process", "crun", "vmm"] {
            let startups = try reports.map { try #require($0.startup(name), "\(name) was not measured") }
            let (total, cpu) = (startups.map(\.total.min), startups.map(\.cpu.p50))
            print("lab: \(name) took \(total) s, and \(cpu) s of CPU time")
            #expect(abs(cpu[0] / cpu[1] - 1) < 0.03, "\(name): \(cpu)")
            // What a container runtime waits for, the lab does not execute: the host's files, and grace
            // periods of its kernel.
            if name != "crun" { #expect(abs(total[0] / total[1] - 1) < 0.03, "\(name): \(total)") }
        }
        let samples = reports.flatMap(\.paths).filter { $0.path == "vmm" }.flatMap(\.startup.samples)
        for sample in samples {
            #expect(
                Set(sample.phases.keys).isSuperset(of: ["monitor", "kernel", "init", "layers", "command"]))
            #expect(abs(sample.phases.values.reduce(0, +) / sample.total - 1) < 0.001, "\(sample)")
        }
    }
}
