import Host
import Layers

/// What a registry sends, while another program writes it: a registry may send without end, whatever its manifests say.
struct ImportDownload {
    private let reference: RegistryReference
    /// A descriptor on the file system to which it goes.
    private let place: Int32
    private let budget: ImportBudget
    private var byteCount: UInt64 = 0

    init(of reference: RegistryReference, to place: Int32, budget: ImportBudget) {
        self.reference = reference
        self.place = place
        self.budget = budget
    }

    /// Notes that so much is there by now.
    mutating func grow(to byteCount: UInt64) throws(Failure) {
        guard byteCount > self.byteCount else { return }
        let more = byteCount - self.byteCount
        self.byteCount = byteCount
        try budget.write(more, to: place, "cannot pull \(reference)")
    }
}
