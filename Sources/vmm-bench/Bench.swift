import Host
import Measure
import SystemPackage

/// The orchestration: every part in its places, a file of figures for each, and the report of all files.
enum Bench {
    private static let results = "build/bench"

    /// Measures `parts`, or all if there are none, and prints the report. Returns false if a part could not
    /// be measured.
    static func run(_ parts: [any Part.Type]) throws(Failure) -> Bool {
        do throws(Errno) { try Files.makeDirectories(results) } catch {
            throw Failure(
                "cannot make \(results)", errno: error, cure: "Run vmm-bench in the project's directory.")
        }
        let programs = try Programs()
        let host = try HostAbilities(programs)
        var isWhole = true
        for part in parts.isEmpty ? Parts.all : parts {
            for measurement in part.measurements(host) where try !make(measurement, of: part.name, programs) {
                isWhole = false
            }
        }
        try Report(results).write(to: results + ".json")
        return isWhole
    }

    /// Makes one measurement in a process of its own and keeps its figures. Returns false if it fails; the
    /// figures of an earlier run are gone then.
    private static func make(
        _ measurement: Measurement, of part: String, _ programs: Programs
    ) throws(Failure) -> Bool {
        let title = "\(part) (\(measurement.place.rawValue))"
        StandardError.write("bench: \(title)\n")
        var words = ["build/vmm-bench", VMMBench.measure, part] + measurement.arguments
        if measurement.place == .lab { words = ["Tests/Lab/lab.sh"] + measurement.lab + words }
        let figures = "\(results)/\(measurement.figures).\(measurement.place.rawValue).json"
        let draft = figures + ".part"
        let isMeasured = try programs.succeeds(words, output: draft)
        do throws(Errno) {
            if isMeasured {
                try Files.rename(draft, to: figures)
            } else {
                StandardError.write("bench: \(title) was not measured\n")
                try? Files.remove(draft)
                try? Files.remove(figures)
            }
        } catch { throw Failure("cannot write \(figures)", errno: error) }
        return isMeasured
    }

    /// Measures one part here and prints its figures: `words` is the part and its arguments.
    static func measure(_ words: ArraySlice<String>) throws(Failure) {
        guard let name = words.first, let part = Parts.all.first(where: { $0.name == name }) else {
            throw Failure(
                .usage, "missing part", because: "\(VMMBench.measure) needs one of \(Parts.names)")
        }
        let figures = try part.measure(Array(words.dropFirst()), Stage(Programs()))
        try StandardOutput.write(figures.text() + "\n")
    }
}
