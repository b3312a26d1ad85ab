import Host
import Measure

/// The cost of a port exit and of an MMIO exit that user space handles, under vmm and under the floor. Each
/// is run with few accesses and with many, and only the difference counts: the start and the end of the
/// process are not in it.
enum ExitsPart: Part {
    static let name = "exits"
    private static let few = 1000

    static func measurements(_ host: HostAbilities) -> [Measurement] {
        let lab = Measurement(name, .lab, "3", "6000")
        return host.hasKVM ? [lab, Measurement(name, .host, "15", "21000")] : [lab]
    }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let many = try Arguments.number(arguments, 1)
        let floor = try stage.copy("build/floor")
        var timed: [TimedRuns.Program] = []
        for kind in ["port", "mmio"] {
            for count in [few, many] {
                let vmm = try stage.boot(tinyGuest: kind + "loop", ["--cmdline", "count=\(count)"])
                timed.append(.init("vmm-\(kind)-\(count)", vmm, stage.programs))
                timed.append(.init("floor-\(kind)-\(count)", [floor, kind, "\(count)"], stage.programs))
            }
        }
        let runs = TimedRuns(programs: stage.programs, samples: try Arguments.number(arguments, 0))
        Programs.takePriority()
        return .object([("few", .integer(few)), ("many", .integer(many)), ("runs", try runs.run(timed))])
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let timed = try TimedFigures(try figures.member("runs"))
        let (few, many) = (try number(figures, "few"), try number(figures, "many"))
        func cost(_ program: String, _ quantity: TimedFigures.Quantity) throws(Failure) -> Double {
            let least = try timed.nanoseconds("\(program)-\(Int(few))", quantity, .minimum)
            return (try timed.nanoseconds("\(program)-\(Int(many))", quantity, .minimum) - least)
                / (many - few)
        }
        // The loop waits for nothing, so its CPU time is its cost. The wall clock also counts the kernel's
        // grace periods between start and end of a process; in the lab they are longer than the few accesses.
        let limit = try limits.member("exit_per_floor").number()
        var rows: [Row] = []
        for (kind, title) in [("port", "port"), ("mmio", "MMIO")] {
            for (what, quantity) in [("CPU time", TimedFigures.Quantity.cpu), ("wall", .wall)] {
                if quantity == .wall, place == .lab { continue }
                let (own, floor) = (try cost("vmm-" + kind, quantity), try cost("floor-" + kind, quantity))
                rows.append(
                    .ratio(
                        "\(title) exit, \(what)", "\(Decimal.fixed(own, digits: 0)) ns",
                        "\(Decimal.fixed(floor, digits: 0)) ns", own / floor,
                        atMost: quantity == .cpu ? limit : nil))
            }
        }
        return rows
    }

    private static func number(_ figures: JSONField, _ name: String) throws(Failure) -> Double {
        let field = try figures.member(name)
        return try field.required(try field.number())
    }
}
