import Host
import KVM
import Testing

@testable import Machine

@Suite("CPU features as a guest sees them")
struct CPUIDTests {
    /// The host's table, changed for CPU `cpu` of `cpuCount`.
    private func table(_ cpu: UInt32, of cpuCount: UInt32) throws -> CPUIDTable {
        let table = try KVMSystem().guestFeatures()
        table.normalize(cpu: cpu, cpuCount: cpuCount)
        return table
    }

    @Test(
        "each CPU has its APIC id; the package has as many as there are",
        arguments: [
            (UInt32(0), UInt32(1)), (0, 2), (1, 2), (2, 3), (3, 4), (63, 64),
        ])
    func identity(cpu: UInt32, cpuCount: UInt32) throws {
        let entry = try #require(try table(cpu, of: cpuCount).entry(leaf: 1))
        #expect(entry.ebx >> 24 == cpu)
        #expect(entry.ebx >> 16 & 0xFF >= cpuCount, "ids in the package")
        #expect(entry.edx >> 28 & 1 == (cpuCount > 1 ? 1 : 0), "HTT")
    }

    @Test("it is told that it is a guest, and has the deadline timer")
    func features() throws {
        let entry = try #require(try table(0, of: 1).entry(leaf: 1))
        #expect(entry.ecx >> 31 & 1 == 1, "hypervisor")
        #expect(entry.ecx >> 24 & 1 == 1, "TSC deadline timer")
        #expect(entry.ecx >> 3 & 1 == 0, "MONITOR")
        #expect(entry.ecx >> 15 & 1 == 0, "performance capabilities")
    }

    @Test("the topology is one thread a core and all cores in one package")
    func topology() throws {
        for cpuCount in [UInt32(1), 2, 3, 4, 64] {
            let table = try table(cpuCount - 1, of: cpuCount)
            guard let threads = table.entry(leaf: 0xB, subleaf: 0),
                let cores = table.entry(leaf: 0xB, subleaf: 1)
            else {
                // A CPU without the leaf tells its topology by leaf 1 alone.
                #expect(table.entry(leaf: 0).map { $0.eax < 0xB } == true)
                continue
            }
            #expect((threads.eax, threads.ebx, threads.ecx) == (0, 1, 0x100))
            #expect((cores.ebx, cores.ecx) == (cpuCount, 0x201))
            #expect(threads.edx == cpuCount - 1 && cores.edx == cpuCount - 1)
            #expect(1 << cores.eax >= cpuCount, "the shift takes every id to the package's")
            #expect(cores.eax == 0 || 1 << (cores.eax - 1) < cpuCount, "and is no wider than it must be")
        }
    }
}
