public import Host

/// The steps of a run of vmm, from the file that `--timings` writes.
public struct MonitorTimings: Sendable {
    private let processStart: UInt64
    /// The times of the steps that were reached, in nanoseconds since the start of the process.
    public let steps: [String: UInt64]

    /// Reads the text of the file; nil if it is not such a file.
    public init?(_ text: String) {
        let document = JSONDocument(complaint: "cannot use the timings", subject: "their file")
        do throws(Failure) {
            let root = try document.root(Array(text.utf8))
            let start = try root.member("process_start")
            processStart = try start.required(try start.integer())
            let field = try root.member("steps")
            var steps: [String: UInt64] = [:]
            for name in try field.object().keys { steps[name] = try field.member(name).integer() }
            self.steps = steps
        } catch { return nil }
    }

    /// Returns the seconds from `begin` to a step; nil if the step was not reached or is unknown. The monitor
    /// and its caller read the same clock.
    public func seconds(to step: String, since begin: MonotonicTime) -> Double? {
        steps[step].map { MonotonicTime(nanoseconds: processStart &+ $0).seconds(since: begin) }
    }
}
