import Foundation
import TestSupport
import Testing

/// The CPU that a guest is shown.
@Suite("A guest's CPU in the lab")
struct ProcessorTests {
    private static let common = "--kernel build/vmlinux --initrd build/initramfs.cpio"

    private func command(_ line: String) -> String { "--append " + Question.quoted(Question.append(line)) }

    /// The lab's own CPU offers SVM, and its KVM would let guests have it.
    @Test("a guest's CPU has what the guest needs, and nothing that nests machines or counts events")
    func processor() throws {
        let boots = try Lab.run(
            """
            note host grep -m1 -w -o svm /proc/cpuinfo
            boot guest \(Self.common) --cpus 2 \(command(
                """
                echo forbidden=$(grep -c -w -E 'svm|vmx|smx|skinit|ibs|perfctr_core|perfctr_nb|monitor|topoext' /proc/cpuinfo); \
                for flag in fpu sse2 nx lm x2apic tsc_deadline_timer hypervisor; do \
                grep -q -w $flag /proc/cpuinfo || echo missing=$flag; done; \
                echo clock=$(cat /sys/devices/system/clocksource/clocksource0/current_clocksource); \
                echo counters=$(dmesg | grep -c 'Performance [E]vents: PMU not')
                """))
            """, seconds: 300)
        #expect(boots["host"]?.says("svm") == true)
        let guest = try #require(boots["guest"])
        #expect(guest.status == 0 && guest["forbidden"] == "0" && guest["missing"] == nil, "\(guest)")
        #expect(guest["clock"] == "kvm-clock" && guest["counters"] == "1", "\(guest)")
    }
}
