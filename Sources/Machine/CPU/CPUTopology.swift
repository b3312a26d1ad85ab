import KVM

extension CPUIDTable {
    /// Turns the host's answers into the answers for CPU `cpu` of `cpuCount` in one package, with one thread
    /// a core.
    ///
    /// Topology and APIC ids describe the machine and not the host. The hypervisor bit is set, and the
    /// deadline timer is offered, which spares the guest its timer calibration (Intel SDM 2A, CPUID; AMD APM
    /// 3, E.3). Call `keepAllowed` once before this.
    func normalize(cpu: UInt32, cpuCount: UInt32) {
        for leaf: UInt32 in [0xB, 0x1F] where entry(leaf: leaf) != nil { addSubleaf(1, of: leaf) }
        forEach { entry in
            switch entry.leaf {
            case 0x1: entry.normalizeFeatures(cpu: cpu, cpuCount: cpuCount)
            case 0x4: entry.normalizeIntelCache(cpuCount: cpuCount)
            case 0xB, 0x1F: entry.normalizeTopology(cpu: cpu, cpuCount: cpuCount)
            // NC, the number of CPUs minus one, and ApicIdSize
            case 0x8000_0008: entry.ecx = entry.ecx & ~0xF0FF | (cpuCount - 1) | idBitCount(cpuCount) << 12
            default: break
            }
        }
    }
}

/// Returns the number of bits of an APIC id that number the CPUs of the package.
private func idBitCount(_ cpuCount: UInt32) -> UInt32 {
    UInt32(32 - (cpuCount - 1).leadingZeroBitCount)
}

extension CPUIDTable.Entry {
    /// Normalizes leaf 1: EBX holds the initial APIC id and the number of ids in the package.
    fileprivate mutating func normalizeFeatures(cpu: UInt32, cpuCount: UInt32) {
        let idCount = min(255, 1 << idBitCount(cpuCount))
        ebx = ebx & 0xFFFF | cpu << 24 | UInt32(idCount) << 16
        ecx |= 1 << 31 | 1 << 24  // hypervisor; TSC deadline timer
        // HTT: the package has more than one logical CPU.
        edx = cpuCount > 1 ? edx | 1 << 28 : edx & ~(1 << 28)
    }

    /// Normalizes leaf 4: caches of levels 1 and 2 belong to one CPU, level 3 to all CPUs.
    fileprivate mutating func normalizeIntelCache(cpuCount: UInt32) {
        guard eax & 0x1F != 0 else { return }
        let level = eax >> 5 & 7
        let sharing = level < 3 ? 0 : (1 << idBitCount(cpuCount)) - 1
        eax = eax & 0x3FFF | UInt32(sharing) << 14 | (cpuCount - 1) << 26
    }

    /// Normalizes leaves 0xB and 0x1F: level 0 is the threads of a core (one), level 1 the cores of the
    /// package.
    fileprivate mutating func normalizeTopology(cpu: UInt32, cpuCount: UInt32) {
        edx = cpu
        switch subleaf {
        case 0: (eax, ebx, ecx) = (0, 1, 1 << 8)
        case 1: (eax, ebx, ecx) = (idBitCount(cpuCount), cpuCount, 2 << 8 | 1)
        default: (eax, ebx, ecx) = (0, 0, subleaf)
        }
    }
}
