import CKVM
public import Host

/// The results of CPUID in a guest: one entry for each leaf and subleaf (struct kvm_cpuid2).
@safe
public final class CPUIDTable {
    let storage: UnsafeMutablePointer<kvm_cpuid2>

    /// The number of entries that `addSubleaf` may add to those of the kernel.
    private static let spareCount: UInt32 = 16
    private let capacity: Int

    /// Makes an empty table that the kernel may fill with up to `count` entries.
    init(capacity count: UInt32) {
        guard let storage = unsafe ckvm_cpuid_create(count + Self.spareCount) else {
            preconditionFailure("out of memory")
        }
        unsafe storage.pointee.nent = count
        unsafe self.storage = storage
        capacity = Int(count + Self.spareCount)
    }

    /// The largest number of entries that KVM accepts (KVM_MAX_CPUID_ENTRIES), and of a saved table.
    public static let entryLimit = 256

    /// Makes a table of `entries`, which need not be those of any host.
    public convenience init(_ entries: [Entry]) {
        self.init(capacity: UInt32(entries.count))
        let places = unsafe ckvm_cpuid_entries(storage)
        for (index, entry) in entries.enumerated() {
            unsafe places[index] = kvm_cpuid_entry2()
            unsafe (places[index].function, places[index].index) = (entry.leaf, entry.subleaf)
            unsafe places[index].flags = entry.flags
            unsafe (places[index].eax, places[index].ebx) = (entry.eax, entry.ebx)
            unsafe (places[index].ecx, places[index].edx) = (entry.ecx, entry.edx)
        }
    }

    deinit {
        unsafe free(storage)
    }

    /// The result of CPUID for one leaf and subleaf.
    public struct Entry: Hashable, Sendable {
        public let leaf: UInt32
        public let subleaf: UInt32
        public var eax: UInt32
        public var ebx: UInt32
        public var ecx: UInt32
        public var edx: UInt32
        /// Whether the result depends on the subleaf (KVM_CPUID_FLAG_SIGNIFCANT_INDEX), and obsolete flags.
        public internal(set) var flags: UInt32 = 0
    }

    /// The number of entries.
    public var count: Int { unsafe Int(storage.pointee.nent) }

    /// A copy of the entries, in their order.
    public var entries: [Entry] {
        let places = unsafe ckvm_cpuid_entries(storage)
        return (0..<count).map { Entry(unsafe places[$0]) }
    }

    /// Calls `change` with each entry and stores the changed registers. Leaf and subleaf are fixed.
    public func forEach(_ change: (inout Entry) -> Void) {
        let entries = unsafe ckvm_cpuid_entries(storage)
        for index in 0..<count {
            var entry = Entry(unsafe entries[index])
            change(&entry)
            unsafe entries[index].eax = entry.eax
            unsafe entries[index].ebx = entry.ebx
            unsafe entries[index].ecx = entry.ecx
            unsafe entries[index].edx = entry.edx
        }
    }

    /// Adds an entry for a subleaf of `leaf` if there is none, with zeroes as its result. KVM lists only the
    /// first subleaf of the leaves that describe the topology, because the monitor chooses the topology.
    public func addSubleaf(_ subleaf: UInt32, of leaf: UInt32) {
        guard entry(leaf: leaf, subleaf: subleaf) == nil else { return }
        precondition(count < capacity, "a table has room for \(Self.spareCount) more entries")
        let added = unsafe ckvm_cpuid_entries(storage) + count
        unsafe added.pointee = kvm_cpuid_entry2()
        unsafe (added.pointee.function, added.pointee.index) = (leaf, subleaf)
        unsafe added.pointee.flags = UInt32(KVM_CPUID_FLAG_SIGNIFCANT_INDEX)
        unsafe storage.pointee.nent += 1
    }

    /// Returns the entry of a leaf and subleaf, or nil if the table has none.
    public func entry(leaf: UInt32, subleaf: UInt32 = 0) -> Entry? {
        var found: Entry?
        forEach { if $0.leaf == leaf, $0.subleaf == subleaf { found = $0 } }
        return found
    }
}

extension CPUIDTable.Entry {
    fileprivate init(_ raw: kvm_cpuid_entry2) {
        (leaf, subleaf, flags) = (raw.function, raw.index, raw.flags)
        (eax, ebx, ecx, edx) = (raw.eax, raw.ebx, raw.ecx, raw.edx)
    }
}

/// An entry of a saved table.
extension CPUIDTable.Entry: FixedByteValue {
    public static var encodedByteCount: Int { 28 }

    public func write(to writer: inout ByteWriter) {
        for field in [leaf, subleaf, flags, eax, ebx, ecx, edx] { writer.u32(field) }
    }

    public init(_ bytes: RawSpan) {
        (leaf, subleaf, flags) = (bytes.field(at: 0), bytes.field(at: 4), bytes.field(at: 8))
        (eax, ebx) = (bytes.field(at: 12), bytes.field(at: 16))
        (ecx, edx) = (bytes.field(at: 20), bytes.field(at: 24))
    }
}
