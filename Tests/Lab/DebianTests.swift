import Foundation
import TestSupport
import Testing

/// Stock kernels, whose only help is an initramfs with the drivers that Debian ships as modules.
@Suite("Debian's kernels in the lab")
struct DebianTests {
    private static let question = Question.quoted(Question.append(Question.machine))

    private func expectMachine(
        _ boot: Boot?, cpus: Int, mebibytes: ClosedRange<Int>, kernel: String,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let boot = try #require(boot, sourceLocation: location)
        #expect(boot.status == 0, "\(boot)", sourceLocation: location)
        #expect(boot["kernel"]?.hasPrefix(kernel) == true, "\(boot)", sourceLocation: location)
        #expect(boot["cpus"] == "\(cpus)", "\(boot)", sourceLocation: location)
        #expect(boot["packages"] == "1", "\(boot)", sourceLocation: location)
        let memory = try #require(boot["memory"].flatMap { Int($0) }, "\(boot)", sourceLocation: location)
        #expect(mebibytes.contains(memory >> 10), "\(memory) KiB", sourceLocation: location)
        #expect(boot.says("vmm: the guest powered off"), sourceLocation: location)
    }

    @Test("6.1 as bzImage and as ELF, with 1 and 4 CPUs, in 256 MiB and in 128 MiB")
    func bookworm() throws {
        let debian = DebianKernel(version: "6.1")
        try debian.prepare()
        let common = "--initrd \(debian.initramfs) --append \(Self.question)"
        let panic = Question.quoted(Question.append("echo c >/proc/sysrq-trigger"))
        let boots = try Lab.run(
            """
            boot bzimage --kernel \(debian.path("bzImage")) --memory 128M \(common)
            boot bzimage4 --kernel \(debian.path("bzImage")) --cpus 4 --console virtio \(common)
            boot elf --kernel \(debian.path("vmlinux")) \(common)
            boot panic --kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) --append \(panic)
            boot elf4 --kernel \(debian.path("vmlinux")) --cpus 4 \(common)
            """, seconds: 900)
        try expectMachine(boots["bzimage"], cpus: 1, mebibytes: 60...128, kernel: "6.1.")
        try expectMachine(boots["bzimage4"], cpus: 4, mebibytes: 180...256, kernel: "6.1.")
        try expectMachine(boots["elf"], cpus: 1, mebibytes: 180...256, kernel: "6.1.")
        try expectMachine(boots["elf4"], cpus: 4, mebibytes: 180...256, kernel: "6.1.")
        #expect(boots["bzimage"]?["random"] == "virtio_rng.0")
        let panicked = try #require(boots["panic"])
        #expect(panicked.status == 4 && panicked.says("vmm: the guest's kernel panicked"), "\(panicked)")
    }

    @Test("6.12 with 1 and 4 CPUs, on both consoles, with 5 GiB")
    func backports() throws {
        let debian = DebianKernel(version: "6.12")
        try debian.prepare()
        let common =
            "--kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) --append \(Self.question)"
        let boots = try Lab.run(
            """
            boot one \(common) --console serial
            boot four \(common) --cpus 4
            boot large \(common) --memory 5G --console virtio
            """, seconds: 900)
        try expectMachine(boots["one"], cpus: 1, mebibytes: 180...256, kernel: "6.12.")
        try expectMachine(boots["four"], cpus: 4, mebibytes: 180...256, kernel: "6.12.")
        try expectMachine(boots["large"], cpus: 1, mebibytes: 4700...5120, kernel: "6.12.")
    }

    /// Debian 12 as installed has no virtio console in its initramfs either.
    @Test(
        "what they say is seen by default, from the first line to the panic, and once",
        arguments: ["6.1", "6.12"])
    func defaultConsole(version: String) throws {
        let debian = DebianKernel(version: version)
        try debian.prepare()
        let boots = try Lab.run(
            """
            boot panic --kernel \(debian.path("bzImage")) --append reboot=k
            boot named --kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) \
                --cmdline 'console=ttyS0 quiet -- "echo seen=yes"'
            boot late --kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) \
                --append 'console=hvc0 -- "echo seen=yes"'
            """, seconds: 600)
        let panic = try #require(boots["panic"])
        #expect(panic.status == 3, "\(panic)")
        #expect(panic.lines.count { $0.contains("Linux version ") } == 1, "\(panic.lines)")
        #expect(panic.says("Kernel panic - not syncing: VFS: Unable to mount root fs"), "\(panic)")
        for name in ["named", "late"] {
            let boot = try #require(boots[name])
            #expect(boot.status == 0 && boot["seen"] == "yes", "\(boot)")
        }
        // A boot console shows what comes before the virtio console, which then takes its place.
        let late = try #require(boots["late"])
        #expect(late.lines.count { $0.contains("Linux version ") } == 1, "\(late.lines)")
        #expect(late.lines.count { $0.contains("Run /init as init process") } == 1, "\(late.lines)")
    }

    @Test("one and four disks: what the guest wrote is what the host reads")
    func disks() throws {
        let debian = DebianKernel(version: "6.1")
        try debian.prepare()
        let names = ["vda", "vdb", "vdc", "vdd"]
        let common = "--kernel \(debian.path("bzImage")) --initrd \(debian.initramfs)"
        let attached = names.map { "--disk /dev/shm/\($0)" }.joined(separator: " ")
        let boots = try Lab.run(
            """
            truncate -s 4M /dev/shm/one \(names.map { "/dev/shm/" + $0 }.joined(separator: " "))
            boot single \(common) --disk /dev/shm/one,id=first --append \(Question.quoted(Question.append(
                "echo serial=$(cat /sys/block/vda/serial); " + Question.disks(["vda"]))))
            boot four \(common) --cpus 4 \(attached) --append \(Question.quoted(Question.append(Question.disks(names))))
            note sums sha256sum /dev/shm/one \(names.map { "/dev/shm/" + $0 }.joined(separator: " "))
            """, seconds: 900)
        let sums = try #require(boots["sums"])
        func sum(_ file: String) -> String? {
            sums.lines.first { $0.hasSuffix("/dev/shm/" + file) }.map { String($0.prefix(64)) }
        }
        let single = try #require(boots["single"])
        #expect(single.status == 0 && single["serial"] == "first", "\(single)")
        #expect(single["vda"] != nil && single["vda"] == sum("one"), "\(single)")
        let four = try #require(boots["four"])
        #expect(four.status == 0, "\(four)")
        for name in names { #expect(four[name] != nil && four[name] == sum(name), "\(name): \(four)") }
        #expect(Set(names.compactMap { four[$0] }).count == 4)
    }
}
