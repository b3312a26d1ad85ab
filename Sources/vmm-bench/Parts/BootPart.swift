import Host
import Measure

/// A whole cold boot, from the start of the monitor's process to its end, beside other monitors: one kernel,
/// one initramfs, one CPU, 256 MiB. The guest runs `true` and ends.
enum BootPart: Part {
    static let name = "boot"

    static func measurements(_ host: HostAbilities) -> [Measurement] { linuxMeasurements(host, "5") }

    static func measure(_ arguments: [String], _ stage: Stage) throws(Failure) -> JSON {
        let linux = try stage.copyLinux()
        let own =
            [stage.vmm, "boot", "--kernel", linux.kernel, "--initrd", linux.initramfs]
            + ["--append", "quiet -- true"]
        let programs = stage.programs
        var timed = [TimedRuns.Program("vmm", own, programs)]
        if let words = try Firecracker(stage)?.words(linux, initramfs: linux.initramfs, command: "true") {
            timed.append(.init("firecracker", words, programs))
        }
        if let qemu = try qemu(stage, linux) { timed.append(qemu) }
        if let program = programs.find("lkvm") {
            let words =
                [try stage.copy(program), "run", "--kernel", linux.kernel, "--initrd", linux.initramfs]
                + ["--cpus", "1", "--mem", "256", "--params", "quiet init.end=restart -- true"]
            timed.append(.init("kvmtool", words, programs))
        }
        // The first start of each is unlike the others: the page cache is cold.
        let runs = TimedRuns(programs: programs, samples: try Arguments.number(arguments, 0), pause: 100)
        return .object([("runs", try runs.run(timed)), ("timings", try Spans.measure(own, [], stage))])
    }

    /// QEMU's microvm, staged with its libraries, which it would otherwise read from the host.
    private static func qemu(_ stage: Stage, _ linux: Stage.Linux) throws(Failure) -> TimedRuns.Program? {
        guard let program = stage.programs.find("qemu-system-x86_64") else { return nil }
        // Debian does not package the default firmware, qboot.rom; its SeaBIOS for microvm boots as well.
        let firmware = try stage.copy("/usr/share/qemu/bios-microvm.bin")
        let libraries = try stage.makeDirectory("libraries")
        for line in try stage.programs.output(["ldd", program]).split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
            if words.count > 2, words[1] == "=>", words[2].hasPrefix("/") {
                try stage.copy(words[2], as: "libraries/" + words[0])
            }
        }
        let words =
            [try stage.copy(program, as: "qemu")]
            + ["-M", "microvm,x-option-roms=off,isa-serial=on,rtc=off,pit=off,pic=off", "-bios", firmware]
            + ["-enable-kvm", "-cpu", "host", "-smp", "1", "-m", "256", "-nodefaults", "-no-user-config"]
            + ["-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", linux.kernel]
            + ["-initrd", linux.initramfs, "-append", "console=ttyS0 quiet -- true"]
        let environment = stage.programs.environment + ["LD_LIBRARY_PATH=" + libraries]
        return .init(name: "qemu-microvm") { _ in Launch(words, environment: environment) }
    }

    private static let spans: [Spans.Span] = [
        .init(name: "process, arguments", from: nil, to: "main_entered"),
        .init(name: "KVM opened", from: "main_entered", to: "kvm_opened"),
        .init(name: "machine, memory", from: "kvm_opened", to: "memory_ready"),
        .init(name: "kernel, initramfs", from: "memory_ready", to: "kernel_loaded"),
        .init(name: "devices", from: "kernel_loaded", to: "devices_ready"),
        .init(name: "CPUs", from: "devices_ready", to: "first_run"),
        .init(name: "guest to user land", from: "first_run", to: "userland"),
        .init(name: "guest's user land and end", from: "userland", to: "end"),
    ]

    static func rows(_ figures: JSONField, _ limits: JSONField, _ place: Place) throws(Failure) -> [Row] {
        let timed = try TimedFigures(try figures.member("runs"))
        let other = try limits.member("boot_per_other_peer").number()
        var promises: [String: Double] = [:]
        for name in timed.names { promises[name] = other }
        promises["firecracker"] = try limits.member("boot_per_firecracker").number()
        let wall = try timed.nanoseconds("vmm", .wall, .median)
        return try timed.rows(limits: promises)
            + Spans.rows("vmm", spans, try figures.member("timings"), wall: wall)
    }
}
