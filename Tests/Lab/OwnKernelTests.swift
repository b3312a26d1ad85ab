import Foundation
import TestSupport
import Testing

/// The project's own kernel and user land.
@Suite("Our own kernel in the lab")
struct OwnKernelTests {
    private static let common = "--kernel build/vmlinux --initrd build/initramfs.cpio"

    private func command(_ line: String) -> String { "--append " + Question.quoted(Question.append(line)) }

    @Test("1 and 4 CPUs, 128 MiB and 5 GiB, both consoles and none")
    func machines() throws {
        let question = command(Question.machine)
        let boots = try Lab.run(
            """
            boot one \(Self.common) \(question)
            boot four \(Self.common) --cpus 4 --console serial \(question)
            boot small \(Self.common) --memory 128M --console serial \(question)
            boot large \(Self.common) --memory 5G --cpus 2 \(question)
            boot silent \(Self.common) --console none --timings /dev/shm/timings \(question)
            note timings cat /dev/shm/timings
            """, seconds: 900)
        for (name, cpus, memory) in [
            ("one", 1, 200...256), ("four", 4, 200...256), ("small", 1, 90...128), ("large", 2, 4800...5120),
        ] {
            let boot = try #require(boots[name])
            #expect(boot.status == 0, "\(boot)")
            #expect(boot["cpus"] == "\(cpus)", "\(boot)")
            #expect(boot["packages"].map { $0 == "1" || cpus == 1 } == true, "\(boot)")
            let kibibytes = try #require(boot["memory"].flatMap { Int($0) }, "\(boot)")
            #expect(memory.contains(kibibytes >> 10), "\(name): \(kibibytes) KiB")
            #expect(boot.says("ready ") && boot.says("vmm: the guest powered off"), "\(boot)")
        }
        let silent = try #require(boots["silent"])
        #expect(silent.status == 0 && silent["cpus"] == nil, "\(silent)")
        let timings = try #require(boots["timings"]).lines.joined()
        #expect(timings.contains("\"end\": \"poweroff\"") && !timings.contains("\"userland\": null"))
    }

    @Test("its console is the virtio console unless the user says otherwise")
    func console() throws {
        let line = command("echo consoles=$(cut -d' ' -f1 /proc/consoles)")
        let boots = try Lab.run(
            """
            boot own \(Self.common) \(line)
            boot serial \(Self.common) --console serial \(line)
            """, seconds: 300)
        #expect(boots["own"]?["consoles"] == "hvc0", "\(boots)")
        #expect(boots["serial"]?["consoles"] == "ttyS0", "\(boots)")
    }

    @Test("every way to end has its status")
    func endings() throws {
        let boots = try Lab.run(
            """
            boot poweroff \(Self.common) \(command("poweroff"))
            boot return \(Self.common) \(command("true"))
            boot reboot \(Self.common) \(command("reboot -f"))
            boot restart \(Self.common) --append 'init.end=restart quiet -- true'
            boot panic \(Self.common) \(command("echo c >/proc/sysrq-trigger"))
            boot init \(Self.common) --cmdline 'console=hvc0 panic=-1 rdinit=/nothing'
            boot triple --kernel build/firmware/triplefault.elf
            boot internal --kernel build/firmware/badinsn.elf
            start button boot \(Self.common) \(command("sleep 1000"))
            await button 'ready '
            kill -TERM "$(</dev/shm/button.pid)"
            finish button
            start twice boot --kernel build/firmware/spin.elf
            sleep 1
            kill -TERM "$(</dev/shm/twice.pid)"
            sleep 0.5
            kill -TERM "$(</dev/shm/twice.pid)"
            finish twice
            """, seconds: 900)
        let expected: [(String, Int32, String)] = [
            ("poweroff", 0, "the guest powered off"), ("return", 0, "the guest powered off"),
            ("reboot", 3, "the guest asked for a reset"), ("restart", 3, "the guest asked for a reset"),
            ("panic", 4, "the guest's kernel panicked"), ("init", 4, "the guest's kernel panicked"),
            ("triple", 5, "triple fault"), ("internal", 6, "cannot emulate"),
            ("button", 0, "the guest powered off"), ("twice", 143, "terminated"),
        ]
        for (name, status, words) in expected {
            let boot = try #require(boots[name], "\(name)")
            #expect(boot.status == status, "\(name): \(boot)")
            #expect(boot.says("vmm: ") && boot.says(words), "\(name): \(boot)")
        }
    }

    @Test("told acpi=off, it finds its devices by the words on its command line")
    func withoutACPI() throws {
        let line = """
            echo tables=$(ls /sys/firmware/acpi 2>/dev/null | wc -l); \
            echo devices=$(ls /sys/bus/virtio/devices | wc -l); echo vda=$(sha256sum </dev/vda | cut -c1-64); \
            echo random=$(cat /sys/class/misc/hw_random/rng_current)
            """
        let boots = try Lab.run(
            """
            dd if=/dev/urandom of=/dev/shm/a bs=1M count=1 2>/dev/null
            boot legacy \(Self.common) --disk /dev/shm/a,ro \
                --append \(Question.quoted("acpi=off init.end=restart " + Question.append(line)))
            note sum sha256sum /dev/shm/a
            """, seconds: 300)
        let legacy = try #require(boots["legacy"])
        #expect(legacy.status == 3, "it cannot power off: \(legacy)")
        #expect(legacy["tables"] == "0" && legacy["devices"] == "3", "\(legacy)")
        #expect(legacy["random"] == "virtio_rng.0", "\(legacy)")
        let sum = try #require(boots["sum"]?.lines.first { $0.contains("/dev/shm/a") })
        #expect(legacy["vda"] == String(sum.prefix(64)), "\(legacy)")
    }

    @Test("its terminal has the size of the user's, and follows it")
    func terminalSize() throws {
        let wait = "for i in $(seq 100); do stty size | grep -qx '40 132' && break; sleep 0.1; done"
        let line = "echo first=$(stty size); \(wait); echo second=$(stty size)"
        let boots = try Lab.run(
            """
            startAtTerminal resized \(Self.common) \(command(line))
            await resized 'first=24 80'
            stty -F "$(</dev/shm/resized.tty)" rows 40 columns 132
            finish resized
            """, seconds: 300)
        let resized = try #require(boots["resized"])
        #expect(resized.status == 0, "\(resized)")
        #expect(resized["first"] == "24 80" && resized["second"] == "40 132", "\(resized)")
    }

    @Test("after kill -9 of the monitor, everything that was flushed is on the disks, and they are free")
    func killed() throws {
        let write = Question.disks(["vda", "vdb"]) + "; echo all=flushed; sleep 1000"
        let boots = try Lab.run(
            """
            truncate -s 4M /dev/shm/a /dev/shm/b
            start killed boot \(Self.common) --disk /dev/shm/a --disk /dev/shm/b \(command(write))
            await killed all=flushed
            kill -KILL "$(</dev/shm/killed.pid)"
            finish killed
            note sums sha256sum /dev/shm/a /dev/shm/b
            boot again \(Self.common) --disk /dev/shm/a,ro --disk /dev/shm/b \(command(
                "echo vda=$(sha256sum </dev/vda | cut -c1-64); echo vdb=$(sha256sum </dev/vdb | cut -c1-64); "
                    + "echo readonly=$(cat /sys/block/vda/ro)$(cat /sys/block/vdb/ro)"))
            """, seconds: 900)
        let (killed, again) = (try #require(boots["killed"]), try #require(boots["again"]))
        let sums = try #require(boots["sums"]).lines.filter { $0.contains("/dev/shm/") }.map {
            String($0.prefix(64))
        }
        #expect(killed.status == 137, "\(killed)")
        #expect(sums.count == 2 && [killed["vda"], killed["vdb"]] == sums, "\(killed)")
        #expect(again.status == 0 && [again["vda"], again["vdb"]] == sums, "\(again)")
        #expect(again["readonly"] == "10", "\(again)")
    }
}
