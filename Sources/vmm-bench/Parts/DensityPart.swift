import CHost
import Host
import Measure

/// Many monitors: some idle at once, then some started and ended one after the other, and what is left of
/// them. This process adopts everything that outlives a monitor, so nothing that is left goes unnoticed.
enum DensityPart: Part {
    static let name = "density"

    static func measurements(_ host: HostAbilities) -> [Measurement] {
        let places: [Place] = host.hasKVM ? [.lab, .host] : [.lab]
        return places.map { Measurement(name, $0, "200", "1000") }
    }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let (idle, sequence) = (try Arguments.number(arguments, 0), try Arguments.number(arguments, 1))
        guard OwnProcess.adoptOrphans() else {
            throw Failure("cannot adopt the processes that monitors leave", errno: .current)
        }
        let monitors = Monitors(
            programs: stage.programs,
            idle: try stage.boot(tinyGuest: "idle", ["--memory", "128M"]),
            halt: try stage.boot(tinyGuest: "halt", ["--memory", "128M"]))
        return .object([
            ("idle", try monitors.keepIdle(idle)), ("sequence", try monitors.runInSequence(sequence)),
        ])
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let (idle, sequence) = (try figures.member("idle"), try figures.member("sequence"))
        let (count, runs) = (try number(idle, "count"), try number(sequence, "count"))
        let taken = try available(idle, "before") - available(idle, "during")
        let pss = Distribution(try numbers(idle, "pss_kib")).median
        let each = try number(sequence, "took_s") / runs * 1e3
        var rows: [Row] = [
            try many("idle at once", idle, limits, "idle_count", place),
            .fact("  to start them all", seconds(try number(idle, "started_s"))),
            .fact("  proportional set size of one", whole(pss) + " KiB"),
            .fact("  of the system's memory, one", whole(taken / count) + " KiB"),
            .fact("  to end them all", seconds(try number(idle, "ended_s"))),
        ]
        rows += try left(idle, limits, place)
        rows.append(try many("one after the other", sequence, limits, "sequence_count", place))
        rows.append(.fact("  one of them", Decimal.fixed(each, digits: 1) + " ms"))
        return rows + (try left(sequence, limits, place))
    }

    /// Makes the row of the number of monitors. The lab is one slow CPU: a few show there what is left
    /// behind, and nothing is promised about how many.
    private static func many(
        _ what: String, _ figures: JSONField, _ limits: JSONField, _ name: String, _ place: Place
    ) throws(Failure) -> Row {
        let (count, limit) = (try number(figures, "count"), try number(limits, name))
        let areFine = try numbers(figures, "statuses") == [0]
        let isMet = count >= limit && areFine
        return .fact(what, whole(count), promise: place == .host ? whole(limit) : nil, isMet: isMet)
    }

    /// Makes the rows of everything that exists afterwards and did not before, for each monitor. Only the lab
    /// is quiet enough to judge by the counts of the whole system.
    private static func left(
        _ figures: JSONField, _ limits: JSONField, _ place: Place
    ) throws(Failure) -> [Row] {
        let (before, after) = (try figures.member("before"), try figures.member("after"))
        let count = try number(figures, "count")
        let memory = try (available(figures, "before") - available(figures, "after")) / count
        let error = try number(after, "open_files_error")
        let files = max(try number(after, "open_files") - number(before, "open_files") - error, 0) / count
        let children = try number(after, "children")
        let (memoryLimit, filesLimit) = (
            try number(limits, "left_kib_per_machine"), try number(limits, "left_files_per_machine")
        )
        let isJudged = place == .lab
        var rows: [Row] = [
            .fact("  processes left", whole(children), promise: "0", isMet: children == 0),
            .fact(
                "  open files left for each", Decimal.fixed(files, digits: 2),
                promise: isJudged ? "<= \(Decimal.text(filesLimit, digits: 3))" : nil,
                isMet: files <= filesLimit),
            .fact(
                "  memory left for each", Decimal.fixed(memory, digits: 1) + " KiB",
                promise: isJudged ? "<= \(whole(memoryLimit)) KiB" : nil, isMet: memory <= memoryLimit),
        ]
        if let machines = try after.member("machines").number() {
            let left = try machines - number(before, "machines")
            rows.append(.fact("  machines left in the kernel", whole(left), promise: "0", isMet: left <= 0))
        }
        return rows
    }

    private static func number(_ field: JSONField, _ name: String) throws(Failure) -> Double {
        let member = try field.member(name)
        return try member.required(try member.number())
    }

    private static func numbers(_ field: JSONField, _ name: String) throws(Failure) -> [Double] {
        var numbers: [Double] = []
        for element in try field.member(name).elements() {
            numbers.append(try element.required(try element.number()))
        }
        return numbers
    }

    private static func available(_ field: JSONField, _ when: String) throws(Failure) -> Double {
        try number(try field.member(when), "available_kib")
    }

    private static func whole(_ value: Double) -> String { Decimal.fixed(value, digits: 0) }
    private static func seconds(_ value: Double) -> String { Decimal.fixed(value, digits: 2) + " s" }
}
