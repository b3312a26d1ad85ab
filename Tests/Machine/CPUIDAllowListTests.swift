import Host
import Testing

@testable import KVM
@testable import Machine

/// The whole table of what guests may see, and that nothing else gets through, whatever a host's KVM offers.
@Suite("The list of CPU features that guests may see")
struct CPUIDAllowListTests {
    private typealias Entry = CPUIDTable.Entry

    /// Every leaf that KVM_GET_SUPPORTED_CPUID knows, and some beyond.
    private static let leaves: [UInt32] =
        Array(0...0x30) + Array(0x4000_0000...0x4000_0010) + Array(0x8000_0000...0x8000_0030)
        + Array(0xC000_0000...0xC000_0005)

    private static func subleafCount(_ leaf: UInt32) -> UInt32 {
        switch leaf {
        case 0x4: 2
        case 0x7, 0xD, 0x12, 0x14, 0x1D: 64
        default: 1
        }
    }

    /// What remains of a host that has every bit of every leaf set: a line a leaf that is not zero.
    private static func offered() -> [String] {
        var entries: [Entry] = []
        for leaf in leaves {
            for subleaf in 0..<subleafCount(leaf) {
                entries.append(
                    Entry(leaf: leaf, subleaf: subleaf, eax: .max, ebx: .max, ecx: .max, edx: .max))
            }
        }
        let table = CPUIDTable(entries)
        table.keepAllowed()
        var lines: [String] = []
        table.forEach({ entry in
            let words = [entry.eax, entry.ebx, entry.ecx, entry.edx]
            guard words.contains(where: { $0 != 0 }) else { return }
            lines.append(
                ([entry.leaf, entry.subleaf] + words).map { String($0, radix: 16) }.joined(separator: " "))
        })
        return lines
    }

    /// leaf, subleaf, EAX, EBX, ECX, EDX; every bit here is a decision.
    private static let snapshot = """
        0 0 1f ffffffff ffffffff ffffffff
        1 0 ffffffff ffff fffa3203 f8bfbff
        2 0 ffffffff ffffffff ffffffff ffffffff
        4 0 ffffffff ffffffff ffffffff 7
        4 1 ffffffff ffffffff ffffffff 7
        6 0 4 0 0 0
        7 0 2 f1bf27eb 1a415f5e bc804510
        7 1 801cb7 0 0 4430
        7 2 0 0 0 3f
        d 0 2e7 fffffffe fffffffe 0
        d 1 f ffffffff 0 0
        d 2 ffffffff ffffffff 2 0
        d 5 ffffffff ffffffff 2 0
        d 6 ffffffff ffffffff 2 0
        d 7 ffffffff ffffffff 2 0
        d 9 ffffffff ffffffff 2 0
        15 0 ffffffff ffffffff ffffffff 0
        16 0 ffff ffff ffff 0
        40000000 0 40000001 ffffffff ffffffff ffffffff
        40000001 0 1006afb 0 0 0
        80000000 0 80000021 ffffffff ffffffff ffffffff
        80000001 0 ffffffff 0 210bf3 2fd3fbff
        80000002 0 ffffffff ffffffff ffffffff ffffffff
        80000003 0 ffffffff ffffffff ffffffff ffffffff
        80000004 0 ffffffff ffffffff ffffffff ffffffff
        80000005 0 ffffffff ffffffff ffffffff ffffffff
        80000006 0 ffffffff ffffffff ffffffff fffcffff
        80000007 0 0 0 0 100
        80000008 0 ffffff 770fd205 0 0
        80000019 0 ffffffff ffffffff 0 0
        8000001a 0 7 0 0 0
        80000021 0 78100f67 0 6 0
        """

    @Test("is this one, and a host that offers everything gets nothing else through")
    func whole() {
        for (line, expected) in zip(Self.offered(), Self.snapshot.split(separator: "\n")) {
            #expect(line == expected)
        }
        #expect(Self.offered().count == Self.snapshot.split(separator: "\n").count)
    }

    private enum Register: Int { case eax, ebx, ecx, edx }

    /// Features by the manuals' names, each once.
    private static let forbidden: [(String, UInt32, UInt32, Register, Int)] = [
        ("DTES64", 1, 0, .ecx, 2), ("MONITOR", 1, 0, .ecx, 3), ("VMX", 1, 0, .ecx, 5), ("SMX", 1, 0, .ecx, 6),
        ("PDCM", 1, 0, .ecx, 15), ("DS", 1, 0, .edx, 21), ("ACPI", 1, 0, .edx, 22),
        ("ARCH_PERFMON", 0xA, 0, .eax, 0), ("SGX", 7, 0, .ebx, 2), ("HLE", 7, 0, .ebx, 4),
        ("RTM", 7, 0, .ebx, 11), ("RDT_M", 7, 0, .ebx, 12), ("MPX", 7, 0, .ebx, 14),
        ("RDT_A", 7, 0, .ebx, 15),
        ("INTEL_PT", 7, 0, .ebx, 25), ("WAITPKG", 7, 0, .ecx, 5), ("SHSTK", 7, 0, .ecx, 7),
        ("KEY_LOCKER", 7, 0, .ecx, 23), ("BUS_LOCK_DETECT", 7, 0, .ecx, 24), ("ENQCMD", 7, 0, .ecx, 29),
        ("SGX_LC", 7, 0, .ecx, 30), ("PKS", 7, 0, .ecx, 31), ("UINTR", 7, 0, .edx, 5),
        ("TSXLDTRK", 7, 0, .edx, 16), ("ARCH_LBR", 7, 0, .edx, 19), ("IBT", 7, 0, .edx, 20),
        ("AMX_BF16", 7, 0, .edx, 22), ("AMX_TILE", 7, 0, .edx, 24), ("AMX_INT8", 7, 0, .edx, 25),
        ("FRED", 7, 1, .eax, 17), ("AMX_FP16", 7, 1, .eax, 21), ("LAM", 7, 1, .eax, 26),
        ("AVX10", 7, 1, .edx, 19), ("APX", 7, 1, .edx, 21), ("BNDREGS", 0xD, 0, .eax, 3),
        ("XTILE", 0xD, 0, .eax, 17), ("XTILE data", 0xD, 0, .eax, 18), ("XFD", 0xD, 1, .eax, 4),
        ("PT's state", 0xD, 1, .ecx, 8), ("CET's state", 0xD, 1, .ecx, 11), ("SGX's leaf", 0x12, 0, .eax, 0),
        ("PT's leaf", 0x14, 0, .ebx, 0), ("LBR's leaf", 0x1C, 0, .eax, 0), ("AMX's leaf", 0x1D, 0, .eax, 0),
        ("counters' leaf", 0x23, 0, .eax, 0), ("AVX10's leaf", 0x24, 0, .ebx, 0),
        ("POLL_CONTROL", 0x4000_0001, 0, .eax, 12), ("REALTIME", 0x4000_0001, 0, .edx, 0),
        ("SVM", 0x8000_0001, 0, .ecx, 2), ("EXTAPIC", 0x8000_0001, 0, .ecx, 3),
        ("IBS", 0x8000_0001, 0, .ecx, 10), ("SKINIT", 0x8000_0001, 0, .ecx, 12),
        ("LWP", 0x8000_0001, 0, .ecx, 15), ("TOPOEXT", 0x8000_0001, 0, .ecx, 22),
        ("PERFCTR_CORE", 0x8000_0001, 0, .ecx, 23), ("PERFCTR_NB", 0x8000_0001, 0, .ecx, 24),
        ("PERFCTR_LLC", 0x8000_0001, 0, .ecx, 28), ("MWAITX", 0x8000_0001, 0, .ecx, 29),
        ("RDPRU", 0x8000_0008, 0, .ebx, 4), ("SVM's leaf", 0x8000_000A, 0, .eax, 0),
        ("IBS's leaf", 0x8000_001B, 0, .eax, 0), ("SEV", 0x8000_001F, 0, .eax, 1),
        ("PERFMON_V2", 0x8000_0022, 0, .eax, 0),
    ]

    @Test("has neither nested virtualization nor counters nor anything else that opens a door")
    func forbidden() {
        for (name, leaf, subleaf, register, bit) in Self.forbidden {
            let mask = CPUIDMask.allowed(leaf: leaf, subleaf: subleaf)
            let word = [mask.eax, mask.ebx, mask.ecx, mask.edx][register.rawValue]
            #expect(word >> UInt32(bit) & 1 == 0, "\(name)")
        }
    }

    @Test("XSAVE's area is as large as the components that are left need")
    func stateArea() throws {
        // As a CPU with AVX-512, PKRU and AMX tells it.
        let parts: [(UInt32, UInt32, UInt32)] = [
            (2, 256, 576), (5, 64, 1088), (6, 512, 1152), (7, 1024, 1664), (9, 8, 2688), (17, 64, 2752),
            (18, 8192, 2816),
        ]
        var entries = [Entry(leaf: 0xD, subleaf: 0, eax: 0x6_02E7, ebx: 11008, ecx: 11008, edx: 0)]
        entries += parts.map { Entry(leaf: 0xD, subleaf: $0, eax: $1, ebx: $2, ecx: 0b100, edx: 0) }
        let table = CPUIDTable(entries)
        table.keepAllowed()
        let first = try #require(table.entry(leaf: 0xD))
        #expect((first.eax, first.ebx, first.ecx) == (0x2E7, 2696, 2696))
        #expect(table.entry(leaf: 0xD, subleaf: 18)?.eax == 0)
        let none = CPUIDTable([Entry(leaf: 0xD, subleaf: 0, eax: 0, ebx: 0, ecx: 0, edx: 0)])
        none.keepAllowed()
        #expect(none.entry(leaf: 0xD)?.ecx == 0, "a CPU without XSAVE has no area")
    }

    @Test(
        "this host's KVM: what guests get is a part of what it offers, and the machine adds what is its own")
    func host() throws {
        let (offered, kept) = (try KVMSystem().supportedCPUID(), try KVMSystem().guestFeatures())
        #expect(offered.count == kept.count)
        offered.forEach({ entry in
            guard let left = kept.entry(leaf: entry.leaf, subleaf: entry.subleaf) else {
                Issue.record("\(entry) is gone")
                return
            }
            let isSize = (entry.leaf, entry.subleaf) == (0xD, 0)
            #expect(left.eax & ~entry.eax == 0 || [0, 7, 0x4000_0000, 0x8000_0000].contains(entry.leaf))
            #expect(left.ebx & ~entry.ebx == 0 || isSize, "\(entry)")
            #expect(left.ecx & ~entry.ecx == 0 || isSize, "\(entry)")
            #expect(left.edx & ~entry.edx == 0, "\(entry)")
        })
    }
}
