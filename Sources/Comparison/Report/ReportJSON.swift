public import Host
import Measure

extension ComparisonReport {
    /// The report as JSON, with every sample. Times are in seconds, sizes in bytes.
    public var json: JSON {
        .object([
            ("format", .integer(1)), ("host", host.json), ("image", .string(image)),
            ("command", .strings(command)),
            ("repeat", .strings(repetition)), ("options", options.json), ("partial", .boolean(isPartial)),
            ("duration", .number(duration)), ("paths", .array(paths.map(\.json))),
            ("absent", .array(absences.map(\.json))), ("verdicts", .array(verdicts.map(\.json))),
            ("notes", .strings(notes)),
        ])
    }
}

extension HostDescription {
    fileprivate var json: JSON {
        .object([
            ("date", .string(date)), ("place", .string(place.rawValue)), ("clock", .string(clock.rawValue)),
            ("method", .string(method)), ("cpu", .string(cpu)), ("cpus", .integer(cpuCount)),
            ("memory", .integer(memoryByteCount)), ("kernel", .string(kernel)), ("system", .string(system)),
            ("cgroups", .string(cgroups)),
            ("doctor", .object(findings.map { ($0.name, .string($0.finding)) })),
        ])
    }
}

extension ComparisonOptions {
    fileprivate var json: JSON {
        .object([
            ("runs", .integer(runs)), ("warmup", .integer(warmup)),
            ("parallel", .array(parallel.map { .integer($0) })),
            ("limit", .number(limit)), ("crowd", .integer(instanceLimit)),
            ("seed", .integer(Int(clamping: seed))),
        ])
    }
}

extension PathReport {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [
            ("path", .string(name)), ("version", .string(version)), ("description", .string(description)),
            ("startup", startup(together: 1)),
        ]
        let counts = Set(samples.map(\.together)).subtracting([1]).sorted()
        members.append(("parallel", .array(counts.map { startup(together: $0) })))
        members.append(("footprint", footprintJSON))
        members.append(("density", .array((footprint?.points ?? []).map(\.json))))
        members.append(("work", .array(work.map(\.json))))
        members.append(("isolation", .object(isolation.map { ($0.name, .string($0.value)) })))
        return .object(members)
    }

    private func startup(together count: Int) -> JSON {
        .object([
            ("together", .integer(count)), ("cpu_scope", .string(cpuScope)),
            ("total", total(together: count).map(\.json) ?? .null),
            ("first_byte", firstByte(together: count).map(\.json) ?? .null),
            ("cpu", cpu(together: count).map(\.json) ?? .null),
            ("samples", .array(samples(together: count).map(\.json))),
        ])
    }

    private var footprintJSON: JSON {
        .object([
            ("instances", .optional(footprint?.points.last?.count)),
            ("memory", .optional(footprint?.memoryByteCount)),
            ("pss", .optional(footprint?.pssByteCount)), ("processes", .optional(footprint?.processCount)),
            ("threads", .optional(footprint?.threadCount)), ("capacity", .optional(footprint?.capacity)),
            ("end", .optional(footprint?.end)), ("image", .optional(imageByteCount)),
            ("executables", .integer(executableByteCount)),
        ])
    }
}

extension Distribution {
    fileprivate var json: JSON {
        .object([
            ("p50", .number(median)), ("p90", .number(quantile(0.9))), ("p99", .number(quantile(0.99))),
            ("min", .number(minimum)), ("max", .number(maximum)), ("spread", .number(spread)),
        ])
    }
}

extension Sample {
    fileprivate var json: JSON {
        .object([
            ("total", .number(total)), ("first_byte", .optional(firstByte)), ("cpu", .optional(cpu)),
            ("round", .integer(round)), ("phases", .object(phases.map { ($0.name, .number($0.seconds)) })),
        ])
    }
}

extension Footprint.Point {
    fileprivate var json: JSON {
        .object([
            ("instances", .integer(count)), ("memory", .integer(memoryByteCount)), ("start", .number(start)),
        ])
    }
}

extension WorkResult {
    fileprivate var json: JSON {
        .object([
            ("name", .string(name)), ("unit", .string(unit)), ("rates", .array(rates.map { .number($0) })),
        ])
    }
}

extension Absence {
    fileprivate var json: JSON {
        .object([
            ("path", .string(path)), ("kind", .string(kind.rawValue)), ("why", .string(why)),
            ("cure", .optional(cure)),
        ])
    }
}

extension Verdict {
    fileprivate var json: JSON {
        .object([
            ("path", .string(path)), ("reference", .string(reference)), ("ratio", .number(ratio.ratio)),
            ("low", .number(ratio.low)), ("high", .number(ratio.high)),
            ("verdict", .string(ratio.verdict.rawValue)),
        ])
    }
}
