import Host
import Measure

/// Reads and writes of a disk in the guest (Benchmarks/guest/blockbench.c), by the guest's clock: the same
/// kernel, program and disk under each monitor, in turn. The disk's file is in memory, so that the monitor is
/// measured and not a disk.
enum BlockPart: Part {
    static let name = "block"
    private static let command = "/bin/blockbench /dev/vda"
    private static let loads = 8

    static func measurements(_ host: HostAbilities) -> [Measurement] { linuxMeasurements(host, "2") }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let linux = try stage.copyLinux()
        let archive = try stage.copy("build/blockbench.cpio")
        let both = stage.path("both.cpio")
        try FileCopy.concatenate([linux.initramfs, archive], to: both, padding: 4)
        let disk = stage.path("disk")
        try makeDisk(disk)
        let own =
            [stage.vmm, "boot", "--kernel", linux.kernel, "--initrd", both, "--disk", disk]
            + ["--append", "quiet -- " + command]
        let firecracker = try Firecracker(stage)
        var results: [JSON] = []
        for _ in 0..<(try Arguments.number(arguments, 0)) {
            results.append(try run("vmm", own, stage))
            guard let firecracker else { continue }
            for (name, engine) in [("firecracker", "Sync"), ("firecracker-async", "Async")] {
                let words = try firecracker.words(
                    linux, initramfs: both, command: command, drives: [drive(disk, engine)])
                results.append(try run(name, words, stage))
            }
        }
        return .array(results)
    }

    /// Makes a disk of 64 MiB whose blocks have all been written: no sample finds a hole.
    private static func makeDisk(_ path: String) throws(Failure) {
        try WholeFile.write([UInt8](repeating: UInt8(ascii: "x"), count: 64 << 20), to: path)
    }

    /// A drive of Firecracker. With `Writeback` the guest has a flush, as under vmm.
    private static func drive(_ disk: String, _ engine: String) -> JSON {
        .object([
            ("drive_id", .string("disk")), ("path_on_host", .string(disk)),
            ("is_root_device", .boolean(false)), ("is_read_only", .boolean(false)),
            ("cache_type", .string("Writeback")), ("io_engine", .string(engine)),
        ])
    }

    /// Runs a monitor, and returns the results that its guest printed on the console. Fewer than all are a
    /// failed run.
    private static func run(_ name: String, _ words: [String], _ stage: Stage) throws(Failure) -> JSON {
        let outcome = try stage.programs.complete(
            Launch(words, environment: stage.programs.environment), seconds: 900)
        let document = JSONDocument(complaint: "cannot use the results of \(name)", subject: "its console")
        var results: [JSON] = []
        for line in outcome.output.split(whereSeparator: \.isNewline) where line.hasPrefix("{\"name\": ") {
            results.append(JSON(try document.root(Array(line.utf8)).value ?? .null))
        }
        guard outcome.isSuccess, results.count == loads else {
            throw Failure(
                .host, "cannot measure the disk of \(name)",
                because: "\(results.count) of \(loads) results, \(outcome.ending)",
                cure: outcome.lastLine)
        }
        return .object([("monitor", .string(name)), ("results", .array(results))])
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let own = try throughputs(figures, "vmm")
        let limit = try limits.member("block_throughput_per_firecracker").number()
        var rows: [Row] = []
        for (monitor, title, limit) in [
            ("firecracker", "Firecracker", limit), ("firecracker-async", "Firecracker-async", nil),
        ] {
            for (load, other) in try throughputs(figures, monitor) {
                guard let mine = own.first(where: { $0.load == load })?.rate else { continue }
                rows.append(
                    .ratio(
                        "\(load), \(title)", megabytes(mine), megabytes(other), mine / other, atLeast: limit))
            }
        }
        return rows
    }

    private static func megabytes(_ rate: Double) -> String { Decimal.fixed(rate / 1e6, digits: 1) + " MB/s" }

    /// Returns the bytes a second of each load, in order: the median of the rounds.
    private static func throughputs(
        _ figures: JSONField, _ monitor: String
    ) throws(Failure) -> [(load: String, rate: Double)] {
        var (order, rates): ([String], [String: [Double]]) = ([], [:])
        for round in try figures.elements() where try round.member("monitor").text() == monitor {
            for result in try round.member("results").elements() {
                let name = try result.member("name")
                let load = try name.required(try name.text())
                let (bytes, time) = (try result.member("bytes"), try result.member("ns"))
                let rate = try bytes.required(try bytes.number()) * 1e9 / time.required(try time.number())
                if rates[load] == nil { order.append(load) }
                rates[load, default: []].append(rate)
            }
        }
        return order.map { ($0, Distribution(rates[$0] ?? []).median) }
    }
}
