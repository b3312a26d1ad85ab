import TestSupport
import Testing

/// Kernels that do without ACPI or without kvm-clock.
@Suite("Linux without ACPI or kvm-clock in the lab")
struct LegacyTests {
    private static let line = "echo cpus=$(nproc); sleep 1; echo slept=yes; reboot -f"
    private static let common = "--kernel build/vmlinux --initrd build/initramfs.cpio"

    private func append(_ words: String) -> String {
        "--append " + Question.quoted(words + " " + Question.append(Self.line))
    }

    private func expect(_ boot: Boot?, cpus: Int) throws {
        let boot = try #require(boot)
        #expect(boot.status == 3 && boot["slept"] == "yes", "\(boot)")
        #expect(boot["cpus"] == "\(cpus)", "\(boot)")
    }

    /// Of these only the kernel with every driver has a parser of MP tables: it finds the other CPUs. All
    /// have a timer.
    @Test("told acpi=off, in quotes or not, they sleep and reboot")
    func withoutACPI() throws {
        let (cloud, full) = (DebianKernel(version: "6.1"), DebianKernel(version: "6.1-full"))
        for kernel in [cloud, full] { try kernel.prepare() }
        let debian = "--kernel \(cloud.path("bzImage")) --initrd \(cloud.initramfs) --console serial"
        let other = "--kernel \(full.path("bzImage")) --initrd \(full.initramfs) --console serial"
        let boots = try Lab.run(
            """
            boot own \(Self.common) \(append("acpi=off"))
            boot quoted \(Self.common) \(append("acpi=\"off\""))
            boot cloud \(debian) --cpus 2 \(append("acpi=off"))
            boot full \(other) --cpus 4 \(append("acpi=off"))
            """, seconds: 900)
        try expect(boots["own"], cpus: 1)
        try expect(boots["quoted"], cpus: 1)
        try expect(boots["cloud"], cpus: 1)
        try expect(boots["full"], cpus: 4)
    }

    @Test("told no-kvmclock, they calibrate their clock with the interval timer", arguments: [1, 4])
    func withoutKVMClock(cpus: Int) throws {
        let debian = DebianKernel(version: "6.1")
        try debian.prepare()
        let boots = try Lab.run(
            """
            boot own \(Self.common) --cpus \(cpus) \(append("no-kvmclock"))
            boot debian --kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) --cpus \(cpus) \
                \(append("no-kvmclock"))
            """, seconds: 900)
        try expect(boots["own"], cpus: cpus)
        try expect(boots["debian"], cpus: cpus)
    }

    /// KVM would start a thread of the host's kernel for it.
    @Test("a kernel with both never touches the interval timer")
    func noTimer() throws {
        let debian = DebianKernel(version: "6.12")
        try debian.prepare()
        let idle = "--append " + Question.quoted(Question.append("echo state=idle; sleep 1000"))
        let boots = try Lab.run(
            """
            start own boot \(Self.common) \(idle)
            start debian boot --kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) \(idle)
            start legacy boot \(Self.common) --append \(Question.quoted(
                "acpi=off " + Question.append("echo state=idle; sleep 1000")))
            for guest in own debian legacy; do await $guest state=idle; done
            for guest in own debian legacy; do
                note $guest-timers pgrep -c "^kvm-pit/$(<"/dev/shm/$guest.pid")\\$"
                kill -KILL "$(<"/dev/shm/$guest.pid")"
            done
            """, seconds: 600)
        #expect(boots["own-timers"]?.lines.contains("0") == true, "\(boots)")
        #expect(boots["debian-timers"]?.lines.contains("0") == true, "\(boots)")
        #expect(boots["legacy-timers"]?.lines.contains("1") == true, "\(boots)")
    }

    /// KVM keeps a vCPU awake for an event that a local APIC would have to deliver; without ACPI this kernel
    /// leaves it off.
    @Test("without a local APIC a guest costs no processor time while it is idle, nor once it has halted")
    func idle() throws {
        let debian = DebianKernel(version: "6.1")
        try debian.prepare()
        let kernel = "--kernel \(debian.path("bzImage")) --initrd \(debian.initramfs) --console serial"
        let idle = "acpi=off " + Question.append("echo state=idle; sleep 1000")
        let halt = "acpi=\"off\" " + Question.append("poweroff")
        let boots = try Lab.run(
            """
            ticks() { cut -d " " -f 14,15 "/proc/$(<"/dev/shm/$1.pid")/stat" | tr " " +; }
            measure() {
                await "$1" "$2"
                sleep 2
                local before=$(($(ticks "$1")))
                sleep 5
                note "$1" echo "ticks=$(($(ticks "$1") - before))"
                kill -KILL "$(<"/dev/shm/$1.pid")"
            }
            start idle boot \(kernel) --append \(Question.quoted(idle))
            measure idle state=idle
            start halted boot \(kernel) --append \(Question.quoted(halt))
            measure halted "System halted"
            """, seconds: 600)
        for name in ["idle", "halted"] {
            let ticks = try #require(boots[name]?["ticks"].flatMap { Int($0) }, "\(boots)")
            #expect(ticks < 100, "\(name): \(ticks) of 500 ticks")
        }
    }
}
