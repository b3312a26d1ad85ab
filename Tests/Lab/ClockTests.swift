import TestSupport
import Testing

/// A host on which KVM was loaded before the kernel had refined the frequency of its TSC, and which cannot
/// scale a guest's.
@Suite("a host whose clock was corrected after KVM was loaded")
struct ClockTests {
    @Test("guests' timers come in time, with limits and without")
    func timers() throws {
        let boots = try Lab.run(
            RunTests.preamble + """
                note order sh -c 'dmesg | grep -oE "Nested Virtualization|Refined TSC"'
                # While the lab waits for a file of the host, its time passes as the host's does: have them read before.
                run warm $image true
                # Without help a guest's timer is late by as long as the host has been up.
                sleep 30
                run plain $image sleep 1
                run limited --memory 128m --cpus 0.5 $image sleep 1
                """, clock: .stale, seconds: 900)
        // The lab is such a host.
        let order = try #require(boots["order"]).lines.filter { !$0.isEmpty }
        #expect(order == ["Nested Virtualization", "Refined TSC"])
        for name in ["plain", "limited"] {
            let boot = try #require(boots[name])
            #expect(boot.status == 0, "\(boot)")
            let seconds = try #require(boot["took"].flatMap { Int($0) })
            #expect(seconds < 20, "\(name) slept for a second, which took \(seconds): \(boot)")
        }
    }
}
