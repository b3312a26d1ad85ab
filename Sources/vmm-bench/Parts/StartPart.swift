import Host
import Measure

/// The time from the start of the process to the first instruction of the guest, beside the floor's: the
/// guest `halt`, whose first instruction writes its boot marker.
///
/// The time of the marker is the program's own reading of CLOCK_MONOTONIC; the time of the start is read
/// here, before the process is created. So the end of a KVM process, most of which is the kernel's wait for
/// grace periods, is not in the figure. The CPU time is that of the whole process, its end too, and the
/// figure that a busy host disturbs least.
enum StartPart: Part {
    static let name = "start"

    static func measurements(_ host: HostAbilities) -> [Measurement] {
        let lab = Measurement(name, .lab, "30")
        return host.hasKVM ? [lab, Measurement(name, .host, "100")] : [lab]
    }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let vmm = try stage.boot(tinyGuest: "halt", ["--timings", "/dev/stdout"])
        let floor = try stage.copy("build/floor")
        let runs = TimedRuns(
            programs: stage.programs, samples: try Arguments.number(arguments, 0), warmup: 3, pause: 100)
        Programs.takePriority()
        return try runs.run([
            .init("vmm", vmm, stage.programs, writesTimings: true),
            .init("floor", [floor, "start"], stage.programs, writesTimings: true),
        ])
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let timed = try TimedFigures(figures)
        let limit = try limits.member("start_per_floor").number()
        var rows: [Row] = []
        // On a host that does other work, the quickest sample is the one that was disturbed least.
        for (what, quantity, statistic, isPromised) in [
            ("to the first instruction, quickest", TimedFigures.Quantity.marker, .minimum, true),
            ("to the first instruction, median", .marker, .median, place == .lab),
            ("CPU time of the process, quickest", .cpu, .minimum, true),
            ("CPU time of the process, median", .cpu, .median, false),
            ("start to end of the process, median", .wall, .median, false),
        ] as [(String, TimedFigures.Quantity, TimedFigures.Statistic, Bool)] {
            let own = try timed.nanoseconds("vmm", quantity, statistic)
            let floor = try timed.nanoseconds("floor", quantity, statistic)
            rows.append(
                .ratio(
                    what, Row.milliseconds(own), Row.milliseconds(floor), own / floor,
                    atMost: isPromised ? limit : nil))
        }
        return rows
    }
}
