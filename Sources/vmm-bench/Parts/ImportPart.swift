import Host
import Measure

/// The import of a Debian of 200 MB from an OCI layout: `vmm image import`, which synchronizes what it
/// writes, and `umoci unpack`, which does not. Each run has a directory of its own, all in memory.
enum ImportPart: Part {
    static let name = "import"

    static func measurements(_ host: HostAbilities) -> [Measurement] { [Measurement(name, .host, "7")] }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let programs = stage.programs
        let layout = stage.path("layout")
        try programs.output(["cp", "-r", try image(programs), layout])
        guard let umoci = programs.find("umoci") else {
            throw Failure(.unavailable, "cannot compare an import", because: "umoci is not installed")
        }
        let vmm = TimedRuns.Program(name: "vmm") { round in
            Launch(
                [stage.vmm, "image", "import", "--quiet", layout],
                environment: programs.environment + ["VMM_STORE=" + stage.path("store.\(round)")])
        }
        let peer = TimedRuns.Program(name: "umoci") { round in
            Launch(
                [umoci, "unpack", "--image", layout + ":12", stage.path("bundle.\(round)")],
                environment: programs.environment)
        }
        return try TimedRuns(programs: programs, samples: try Arguments.number(arguments, 0)).run([vmm, peer])
    }

    /// Returns the OCI layout of the image in the cache. What debootstrap installs is kept there.
    private static func image(_ programs: Programs) throws(Failure) -> String {
        let cache = Environment.value("VMM_CACHE") ?? (Environment.value("HOME") ?? "/root") + "/.cache/vmm"
        let layout = cache + "/images/debian"
        if FileStatus(of: layout + "/oci-layout") != nil { return layout }
        let work = try Workspace(named: "vmm-bench", in: "/tmp")
        let (root, draft, bundle) = (work.path + "/root", work.path + "/layout", work.path + "/bundle")
        for words in [
            ["debootstrap", "--variant=minbase", "bookworm", root],
            ["umoci", "init", "--layout", draft], ["umoci", "new", "--image", draft + ":12"],
            ["umoci", "unpack", "--image", draft + ":12", bundle],
            ["cp", "-a", root + "/.", bundle + "/rootfs/"],
            ["umoci", "repack", "--image", draft + ":12", bundle],
            ["mkdir", "-p", cache + "/images"], ["rm", "-rf", layout, layout + ".part"],
            ["cp", "-r", draft, layout + ".part"], ["mv", layout + ".part", layout],
        ] { try programs.output(words, seconds: 3600) }
        return layout
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let timed = try TimedFigures(figures)
        let limit = try limits.member("import_per_umoci").number()
        var rows: [Row] = []
        for (what, quantity, statistic, isPromised) in [
            ("import of 200 MB, median", .wall, .median, true), ("quickest", .wall, .minimum, false),
            ("CPU time, median", .cpu, .median, false),
        ] as [(String, TimedFigures.Quantity, TimedFigures.Statistic, Bool)] {
            let own = try timed.nanoseconds("vmm", quantity, statistic)
            let other = try timed.nanoseconds("umoci", quantity, statistic)
            rows.append(
                .ratio(
                    what, Row.milliseconds(own), Row.milliseconds(other), own / other,
                    atMost: isPromised ? limit : nil))
        }
        return rows
    }
}
