import Host

/// Where a figure is measured.
enum Place: String, CaseIterable {
    case lab
    case host

    /// The place in a title of the report.
    var title: String {
        switch self {
        case .lab: "in the lab"
        case .host: "on this machine"
        }
    }
}

/// A measurement of a part in one place. Its figures are the file `FIGURES.PLACE.json`.
struct Measurement {
    let figures: String
    let place: Place
    let arguments: [String]
    /// Options of the lab.
    var lab = ["--icount"]

    init(_ figures: String, _ place: Place, _ arguments: String...) {
        self.figures = figures
        self.place = place
        self.arguments = arguments
    }
}

/// A part of the benchmark: it measures the figures of a promise and makes rows of the report from them.
protocol Part {
    /// The name on the command line.
    static var name: String { get }
    /// The names of the files of figures, in the order of the report.
    static var figures: [String] { get }

    /// Returns the measurements to make, as far as this host can.
    static func measurements(_ host: HostAbilities) -> [Measurement]

    /// Measures in this process, with everything that is measured staged in memory.
    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON

    /// Makes the rows of the report from what `measure` returned, here or in an earlier run.
    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row]
}

extension Part {
    static var figures: [String] { [name] }

    /// Returns the measurement in the lab, and the same one here if this host boots Linux in a VM.
    static func linuxMeasurements(_ host: HostAbilities, _ arguments: String) -> [Measurement] {
        let places: [Place] = host.bootsLinux ? [.lab, .host] : [.lab]
        return places.map { Measurement(name, $0, arguments) }
    }
}

/// All parts, in the order in which they are measured and reported.
enum Parts {
    static var all: [any Part.Type] {
        [
            BootPart.self, ContainerPart.self, ImportPart.self, StartPart.self, ExitsPart.self,
            MemoryPart.self, BlockPart.self, DensityPart.self, FootprintPart.self,
        ]
    }

    static var names: String { all.map { $0.name }.joined(separator: ", ") }
}
