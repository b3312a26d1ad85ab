import Foundation
import Host
import TestSupport
import Testing

@testable import Measure

/// The clock around processes. A machine that is busy can only make a run longer, so what is compared is the
/// quickest of as many as that takes.
@Suite("instances are started, watched and ended", .serialized)
struct RunningTests {
    private static let shell = "/bin/busybox"

    private func launch(_ script: String) -> Launch {
        Launch([Self.shell, "sh", "-c", script], environment: ["PATH=" + ChildProcess.searchPath])
    }

    private func run(_ launches: [Launch], seconds: Double = 60) throws -> [Outcome] {
        let batch = try Batch(launches, interruption: try Interruption())
        for index in launches.indices { try batch.start(index, begin: .now()) }
        if batch.wait(for: .ends, until: MonotonicTime.now().adding(seconds: seconds)) == .outOfTime {
            batch.stop(.outOfTime)
        }
        return batch.outcomes()
    }

    private func total(_ outcome: Outcome) -> Double { outcome.end.seconds(since: outcome.begin) }

    @Test("a known delay is reported within 2 %, to the first byte and to the end")
    func knownDelay() throws {
        let delay = 1.0
        var (total, first) = (Double.infinity, Double.infinity)
        for _ in 0..<30 where total >= 2 * delay * 1.02 || first >= delay * 1.02 {
            let outcome = try run([launch("sleep \(delay); echo now; sleep \(delay)")])[0]
            total = min(total, self.total(outcome))
            first = min(first, try #require(outcome.firstByte).seconds(since: outcome.begin))
            #expect(total >= 2 * delay && first >= delay)
        }
        #expect(total < 2 * delay * 1.02 && first < delay * 1.02, "\(total) s, \(first) s")
    }

    @Test("what is done before the process is made counts from the beginning")
    func begin() throws {
        let batch = try Batch([launch("true")], interruption: try Interruption())
        let begin = MonotonicTime.now()
        usleep(20_000)
        try batch.start(0, begin: begin)
        _ = batch.wait(for: .ends, until: begin.adding(seconds: 60))
        let outcome = batch.outcomes()[0]
        #expect(outcome.spawn.seconds(since: outcome.begin) >= 0.02)
        #expect(total(outcome) >= 0.02)
    }

    @Test("CPU time is that of the process and its children, and waiting takes none")
    func cpuTime() throws {
        let busy = "i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done"
        let (idle, working) = (
            try run([launch("sleep 0.3")])[0], try run([launch("sh -c '\(busy)'; true")])[0]
        )
        #expect(Double(idle.treeCPU) / 1e9 < 0.15)
        #expect(working.treeCPU > 2 * idle.treeCPU, "\(working.treeCPU) \(idle.treeCPU)")
        #expect(Double(working.treeCPU) / 1e9 <= total(working) * 1.05 + 0.02)
    }

    /// A pidfd that was closed here may be held a moment longer by a child that is being started.
    @Test("each of many at once ends once, and after it began")
    func many() throws {
        let outcomes = try run((0..<60).map { _ in launch("echo x") })
        #expect(outcomes.count == 60)
        for outcome in outcomes {
            let first = try #require(outcome.firstByte)
            #expect(outcome.isSuccess && outcome.begin < first && first <= outcome.end)
            #expect(outcome.output == "x\n")
        }
    }

    @Test("an instance that hangs is killed with everything that it started")
    func hangs() throws {
        let outcome = try run([launch("sleep 1000 & echo $!; sleep 1000")], seconds: 0.5)[0]
        #expect(outcome.ending == .outOfTime)
        let child = try #require(pid_t(outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)))
        try eventually("the end of the process that it had started") { kill(child, 0) != 0 }
    }

    @Test("what an instance writes is kept to its last words, whole where it is little")
    func output() throws {
        let outcome = try run([launch("yes line | head -n 200000; echo last; echo complaint >&2; exit 7")])[0]
        #expect(outcome.ending == .exited(7))
        #expect(outcome.output.utf8.count <= Tail.byteCount && outcome.output.hasSuffix("line\nlast\n"))
        #expect(outcome.error == "complaint\n" && outcome.lastLine == "complaint")
        #expect(try run([launch("kill -9 $$")])[0].ending == .signalled(9))
    }

    @Test("no descriptor and no process is left behind")
    func leaks() throws {
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
        }
        _ = try run([launch("true")])
        let before = try descriptors()
        for _ in 0..<40 { _ = try run((0..<5).map { _ in launch("echo x; sleep 0.01") }) }
        // One for each of the 200 would be a leak; other tests of this process have some meanwhile.
        #expect(try descriptors() < before + 100)
    }

    @Test("a program that is not there is a failure with its name")
    func missing() throws {
        let batch = try Batch(
            [Launch(["/nowhere/at/all"], environment: [])], interruption: try Interruption())
        let failure = #expect(throws: Failure.self) { try batch.start(0, begin: .now()) }
        #expect(failure?.what.contains("/nowhere/at/all") == true && failure?.kind == .missingInput)
    }

    /// Held open for writing by a child that another thread is just starting, a program could not be run:
    /// "text file busy". Tests run at once in one process, and start many.
    @Test("a program that was just written runs, whatever is started meanwhile")
    func justWritten() throws {
        let directory = try TemporaryDirectory()
        let starter = Thread { while !Thread.current.isCancelled { _ = try? ChildProcess(["true"]).wait() } }
        starter.start()
        defer { starter.cancel() }
        for round in 0..<200 {
            let program = directory.path("true-\(round)")
            try ExecutableFile.write(Array("#!/bin/sh\n".utf8), to: program)
            #expect(try run([Launch([program], environment: [])])[0].isSuccess)
        }
    }

    @Test("output goes where the launch says: into a file, nowhere, or into the outcome")
    func destinations() throws {
        let file = try TemporaryFile()
        let number = unsafe open(file.path, O_WRONLY | O_CLOEXEC)
        defer { close(number) }
        var toFile = launch("echo out; echo err >&2")
        toFile.output = .descriptor(number)
        var discarded = launch("echo out && echo err >&2")
        (discarded.output, discarded.error) = (.discarded, .discarded)
        let outcomes = try run([toFile, discarded])
        #expect(String(decoding: try file.bytes(), as: UTF8.self) == "out\n")
        #expect(outcomes[0].output.isEmpty && outcomes[0].error == "err\n")
        #expect(outcomes[1].isSuccess && outcomes[1].output.isEmpty && outcomes[1].error.isEmpty)
        #expect(outcomes.allSatisfy { $0.peakKibibytes > 0 })
    }
}
