import Host
import KVM

/// The bits of a CPUID leaf that a guest may see; the others read as zero.
struct CPUIDMask: Equatable, Sendable {
    var eax: UInt32 = 0
    var ebx: UInt32 = 0
    var ecx: UInt32 = 0
    var edx: UInt32 = 0

    /// The mask that keeps every bit of a leaf that KVM offers.
    static var all: CPUIDMask { CPUIDMask(eax: .max, ebx: .max, ecx: .max, edx: .max) }
    static var none: CPUIDMask { CPUIDMask() }

    /// Returns the bits that guests may see of `leaf` and `subleaf` (Intel SDM 2A, CPUID; AMD APM 3, appendix
    /// E; for KVM's leaves, Documentation/virt/kvm/x86/cpuid.rst). Bits that are not listed read as zero, so
    /// a feature that a later KVM offers reaches guests only when it is added here.
    ///
    /// Left out on purpose: nested virtualization (VMX, SVM, 0x8000_000A), SMX and SKINIT, MONITOR and
    /// WAITPKG (a guest would idle without leaving the CPU), performance counters, debug stores, PT, IBS and
    /// LBR, resource control (0xF, 0x10), SGX, SEV, TSX (side channels; KVM turns TSX off if CPUID lacks it),
    /// CET, LAM, MPX, AMX (0x1D, 0x1E) and AVX10 (0x24). Linux and its programs do without these.
    static func allowed(leaf: UInt32, subleaf: UInt32) -> CPUIDMask {
        switch (leaf, subleaf) {
        // The highest leaf and the vendor; descriptors of caches; names.
        case (0x0, _), (0x2, _), (0x4000_0000, _), (0x8000_0000, _): .all
        case (0x8000_0002...0x8000_0004, _), (0x8000_0005, _): .all
        // Family, model and stepping; brand and CLFLUSH size.
        case (0x1, _): CPUIDMask(eax: .max, ebx: 0xFFFF, ecx: features1C, edx: features1D)
        // Deterministic caches.
        case (0x4, _): CPUIDMask(eax: .max, ebx: .max, ecx: .max, edx: 0b111)
        // ARAT: the APIC timer runs in every sleep state.
        case (0x6, _): CPUIDMask(eax: 1 << 2)
        case (0x7, 0): CPUIDMask(eax: .max, ebx: features7B, ecx: features7C, edx: features7D)
        case (0x7, 1): CPUIDMask(eax: features71A, edx: features71D)
        // PSFD, IPRED_CTRL, RRSBA_CTRL, DDPD_U, BHI_CTRL, MCDT_NO: all about speculation.
        case (0x7, 2): CPUIDMask(edx: 0b11_1111)
        // XSAVE: the components of XCR0; XSAVEOPT, XSAVEC, XGETBV1, XSAVES; a size, an offset and the
        // alignment each.
        case (0xD, 0): CPUIDMask(eax: stateComponents, ebx: .max, ecx: .max)
        case (0xD, 1): CPUIDMask(eax: 0b1111, ebx: .max)
        case (0xD, 2..<32) where stateComponents >> subleaf & 1 == 1:
            CPUIDMask(eax: .max, ebx: .max, ecx: 1 << 1)
        // The frequencies of the time-stamp counter and of the CPU.
        case (0x15, _): CPUIDMask(eax: .max, ebx: .max, ecx: .max)
        case (0x16, _): CPUIDMask(eax: 0xFFFF, ebx: 0xFFFF, ecx: 0xFFFF)
        case (0x4000_0001, _): CPUIDMask(eax: featuresKVM)
        case (0x8000_0001, _): CPUIDMask(eax: .max, ecx: featuresExtendedC, edx: featuresExtendedD)
        // The second and third level's caches.
        case (0x8000_0006, _): CPUIDMask(eax: .max, ebx: .max, ecx: .max, edx: ~(0b11 << 16))
        // The time-stamp counter is invariant.
        case (0x8000_0007, _): CPUIDMask(edx: 1 << 8)
        // Widths of addresses; AMD's speculation controls.
        case (0x8000_0008, _): CPUIDMask(eax: 0xFF_FFFF, ebx: features8B)
        // TLBs of 1 GiB pages; the widths at which SSE runs fast.
        case (0x8000_0019, _): CPUIDMask(eax: .max, ebx: .max)
        case (0x8000_001A, _): CPUIDMask(eax: 0b111)
        case (0x8000_0021, _): CPUIDMask(eax: features21A, ecx: features21C)
        // `normalize` sets the topology (0xB and 0x1F), which is the machine's own.
        default: .none
        }
    }
}

extension KVMSystem {
    /// Reads the features that this host's KVM offers and keeps the ones that guests may see.
    func guestFeatures() throws(Failure) -> CPUIDTable {
        let table = try supportedCPUID()
        table.keepAllowed()
        return table
    }
}

extension CPUIDTable {
    /// Clears every bit that is not on the list of features (`CPUIDMask.allowed`).
    func keepAllowed() {
        // XSAVE's area without any component: the legacy region and the header (Intel SDM 1, 13.4).
        var areaByteCount: UInt32 = 512 + 64
        forEach { entry in
            entry.keep(.allowed(leaf: entry.leaf, subleaf: entry.subleaf))
            entry.limitHighestLeaf()
            guard entry.leaf == 0xD, entry.subleaf >= 2, entry.eax != 0 else { return }
            areaByteCount = max(areaByteCount, entry.ebx &+ entry.eax)
        }
        forEach { entry in
            // EBX is the size for the components in use; KVM computes it from XCR0.
            guard entry.leaf == 0xD, entry.subleaf == 0, entry.eax != 0 else { return }
            (entry.ebx, entry.ecx) = (areaByteCount, areaByteCount)
        }
    }
}

extension CPUIDTable {
    /// Removes asynchronous page faults from the features, for a guest that leaves its local APIC off.
    ///
    /// When a guest enables them, KVM queues an event that only a local APIC delivers
    /// (`kvm_pv_enable_async_pf`). While that event is pending, KVM does not let the vCPU sleep. A guest that
    /// halts, idle or for good, would then keep a CPU of the host busy.
    func withholdAPICFeatures() {
        forEach { entry in
            if entry.leaf == 0x4000_0001 { entry.eax &= ~asynchronousFaultsKVM }
        }
    }
}

extension CPUIDTable.Entry {
    fileprivate mutating func keep(_ mask: CPUIDMask) {
        eax &= mask.eax
        ebx &= mask.ebx
        ecx &= mask.ecx
        edx &= mask.edx
    }

    /// Limits the number of the highest leaf or subleaf, in leaves that report one, to the highest on the
    /// list.
    fileprivate mutating func limitHighestLeaf() {
        switch (leaf, subleaf) {
        case (0x0, _): eax = min(eax, 0x1F)
        case (0x7, 0): eax = min(eax, 2)
        case (0x4000_0000, _): eax = min(eax, 0x4000_0001)
        case (0x8000_0000, _): eax = min(eax, 0x8000_0021)
        default: break
        }
    }
}
