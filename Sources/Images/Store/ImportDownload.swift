import Host
import Layers

/// The download of an image that another program writes. The budget limits it, because a registry may send
/// without end, whatever its manifests say.
struct ImportDownload {
    private let reference: RegistryReference
    /// A descriptor on the file system that the download is written to.
    private let place: Int32
    private let budget: ImportBudget
    private var byteCount: UInt64 = 0

    init(of reference: RegistryReference, to place: Int32, budget: ImportBudget) {
        self.reference = reference
        self.place = place
        self.budget = budget
    }

    /// Charges the budget for the bytes added since the last call. `byteCount` is the size of the download
    /// now.
    mutating func grow(to byteCount: UInt64) throws(Failure) {
        guard byteCount > self.byteCount else { return }
        let more = byteCount - self.byteCount
        self.byteCount = byteCount
        try budget.write(more, to: place, "cannot pull \(reference)")
    }
}
