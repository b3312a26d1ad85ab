import Host
import KVM

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
