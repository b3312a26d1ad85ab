import Host
import Testing

@testable import Measure

@Suite("the file of --timings")
struct MonitorTimingsTests {
    private let text = """
        { "process_start": 5000000000, "steps": { "first_run": 20000000, "userland": null, "kernel_loaded": 7 } }
        """

    @Test("the monitor's own times count from our beginning")
    func seconds() throws {
        let times = try #require(MonitorTimings(text))
        let begin = MonotonicTime(nanoseconds: 4_990_000_000)
        #expect(abs((times.seconds(to: "first_run", since: begin) ?? 0) - 0.03) < 1e-9)
        #expect(times.seconds(to: "userland", since: begin) == nil)
        #expect(times.seconds(to: "loaded", since: begin) == nil)
        #expect(times.steps == ["first_run": 20_000_000, "kernel_loaded": 7])
    }

    @Test("what is cut off, or is another file, gives no times")
    func refused() {
        for text in ["", String(text.dropLast(4)), "{}", "{ \"process_start\": -1, \"steps\": {} }", "[1]"] {
            #expect(MonitorTimings(text) == nil, "\(text)")
        }
    }
}
