import CKVM
import Host

/// What CPUID answers in a guest: one entry a leaf and subleaf (struct kvm_cpuid2).
@safe
public final class CPUIDTable {
    let storage: UnsafeMutablePointer<kvm_cpuid2>

    init(capacity: UInt32) {
        guard let storage = unsafe ckvm_cpuid_create(capacity) else { preconditionFailure("out of memory") }
        unsafe self.storage = storage
    }

    deinit {
        unsafe free(storage)
    }

    /// One leaf's answer.
    public struct Entry: Sendable {
        public let leaf: UInt32
        public let subleaf: UInt32
        public var eax: UInt32
        public var ebx: UInt32
        public var ecx: UInt32
        public var edx: UInt32
    }

    /// How many entries the table holds.
    public var count: Int { unsafe Int(storage.pointee.nent) }

    /// Calls `change` with each entry in turn; what it changes stays changed. Leaf and subleaf are fixed.
    public func forEach(_ change: (inout Entry) -> Void) {
        let entries = unsafe ckvm_cpuid_entries(storage)
        for index in 0..<count {
            let raw = unsafe entries[index]
            var entry = Entry(
                leaf: raw.function, subleaf: raw.index, eax: raw.eax, ebx: raw.ebx, ecx: raw.ecx, edx: raw.edx
            )
            change(&entry)
            unsafe entries[index].eax = entry.eax
            unsafe entries[index].ebx = entry.ebx
            unsafe entries[index].ecx = entry.ecx
            unsafe entries[index].edx = entry.edx
        }
    }

    /// The answer for one leaf and subleaf, where there is one.
    public func entry(leaf: UInt32, subleaf: UInt32 = 0) -> Entry? {
        var found: Entry?
        forEach { if $0.leaf == leaf, $0.subleaf == subleaf { found = $0 } }
        return found
    }
}
