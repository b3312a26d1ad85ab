import Host
import Measure

/// Idle containers of one image, all at once, one path after the other: the memory of each, by MemAvailable
/// before and with them. `vmm compare` starts and counts them.
enum FootprintPart: Part {
    static let name = "crowd"

    static func measurements(_ host: HostAbilities) -> [Measurement] {
        linuxMeasurements(host, "100").map { measurement in
            var measurement = measurement
            // Nothing is timed here.
            measurement.lab = ["--memory", "8192M"]
            return measurement
        }
    }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let count = try Arguments.number(arguments, 0)
        let tree = try stage.makeContainerRoot()
        try stage.copy("build/vmm-compare")
        let report = stage.path("report.json")
        var launch = Launch(
            [stage.vmm, "compare", "--paths", "process,runc,crun,podman,vmm", "--measure", "crowd"]
                + ["--crowd", "\(count)", "--json", report, "rootfs:" + tree, "true"],
            environment: stage.programs.environment + [stage.storeVariable])
        launch.output = .descriptor(2)
        launch.error = .descriptor(2)
        let outcome = try stage.programs.complete(launch)
        guard outcome.isSuccess else {
            throw Failure(.host, "cannot compare idle containers", because: "\(outcome.ending)")
        }
        let document = JSONDocument(complaint: "cannot use the report of vmm compare", subject: report)
        return JSON(try document.root(try WholeFile.read(report, upTo: 64 << 20)).value ?? .null)
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        var rows: [Row] = []
        for path in try figures.member("paths").elements() {
            let footprint = try path.member("footprint")
            guard let memory = try footprint.member("memory").number(),
                let count = try footprint.member("instances").integer()
            else { continue }
            let name = try path.member("path").text() ?? ""
            rows.append(.fact("\(name): memory each of \(count)", kibibytes(memory)))
            if let pss = try footprint.member("pss").number() {
                rows.append(.fact("  proportional set size", kibibytes(pss)))
            }
        }
        return rows
    }

    private static func kibibytes(_ bytes: Double) -> String {
        Decimal.fixed(bytes / 1024, digits: 0) + " KiB"
    }
}
