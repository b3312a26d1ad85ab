import Glibc
import Host
import Measure

/// The anonymous private memory of a monitor with one disk and a console, without the memory of its guest:
/// the tiny guest `idle`, or the project's kernel at its shell.
enum MemoryPart: Part {
    static let name = "memory"
    static let figures = ["memory-linux", "memory-tiny"]
    private static let guestByteCount: UInt64 = 256 << 20

    static func measurements(_ host: HostAbilities) -> [Measurement] {
        var all = [Measurement("memory-linux", .lab, "linux")]
        if host.bootsLinux { all.append(Measurement("memory-linux", .host, "linux")) }
        if host.hasKVM { all.append(Measurement("memory-tiny", .host, "tiny")) }
        return all
    }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let isLinux = arguments == ["linux"]
        let disk = stage.path("disk")
        try WholeFile.write("", to: disk)
        unsafe truncate(disk, 64 << 20)
        var launch = Launch(
            try boot(isLinux, stage) + ["--disk", disk], environment: stage.programs.environment)
        // The console's other end stays open: the end of the input would end the shell.
        let input = try Pipe()
        launch.input = input.readEnd
        let batch = try Batch([launch], interruption: stage.programs.interruption)
        try batch.start(0, begin: .now())
        try waitForRest(of: batch, isLinux, stage.programs)
        guard let monitor = batch.processes.first else { throw failure(batch) }
        let figures = try measure(monitor)
        batch.send(SIGTERM)
        batch.waitForEnds(seconds: 60)
        guard !batch.isRunning(0), batch.outcomes()[0].isSuccess else { throw failure(batch) }
        return figures
    }

    private static func boot(_ isLinux: Bool, _ stage: Stage) throws(Failure) -> [String] {
        if isLinux {
            let linux = try stage.copyLinux()
            return [stage.vmm, "boot", "--kernel", linux.kernel, "--initrd", linux.initramfs]
        }
        return [
            stage.vmm, "boot", "--kernel", try stage.copy("build/firmware/idle.elf"), "--allow-emulation",
        ]
    }

    /// Waits until the guest is idle. Linux says when its shell is there. The tiny guest says nothing, but is
    /// idle long before a second has passed.
    private static func waitForRest(
        of batch: Batch, _ isLinux: Bool, _ programs: Programs
    ) throws(Failure) {
        for _ in 0..<60 where batch.isRunning(0) {
            try programs.checkInterruption()
            batch.waitForEnds(seconds: 1)
            let lines = batch.output(of: 0).split(whereSeparator: \.isNewline)
            if !isLinux || lines.contains(where: { $0.hasPrefix("ready") }) { break }
        }
        batch.waitForEnds(seconds: 1)
    }

    private static func failure(_ batch: Batch) -> Failure {
        batch.stop(.stopped)
        let outcome = batch.outcomes()[0]
        return Failure(
            .host, "cannot measure the memory of an idle monitor", because: "\(outcome.ending)",
            cure: outcome.lastLine)
    }

    /// Samples the memory of `monitor` for a second, and returns the most of each quantity.
    private static func measure(_ monitor: pid_t) throws(Failure) -> JSON {
        var most = MonitorMemory()
        let end = MonotonicTime.now().adding(seconds: 1)
        repeat {
            let now = try MonitorMemory(of: monitor, guestByteCount: guestByteCount)
            most = MonitorMemory(
                anonymous: max(most.anonymous, now.anonymous), guest: max(most.guest, now.guest),
                resident: max(most.resident, now.resident))
            usleep(10_000)
        } while MonotonicTime.now() < end
        return .object([
            ("pid", .integer(Int(monitor))), ("anonymous_kib", .integer(most.anonymous)),
            ("guest_kib", .integer(most.guest)), ("rss_kib", .integer(most.resident)),
            ("threads", .integer(ProcessTable.threadCount(monitor))),
            ("descriptors", .integer(ProcessTable.descriptorCount(monitor))),
        ])
    }

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        func number(_ field: JSONField) throws(Failure) -> Int {
            Int(clamping: try field.required(try field.integer()))
        }
        let limit = try number(try limits.member("anonymous_kib"))
        let own = try number(try figures.member("anonymous_kib"))
        let resident = try number(try figures.member("rss_kib")) - number(try figures.member("guest_kib"))
        return [
            .fact(
                "anonymous, without the guest's", "\(own) KiB", promise: "<= \(limit) KiB",
                isMet: own <= limit),
            .fact("resident, without the guest's", "\(resident) KiB"),
            .fact("threads", "\(try number(try figures.member("threads")))"),
            .fact("descriptors", "\(try number(try figures.member("descriptors")))"),
        ]
    }
}
