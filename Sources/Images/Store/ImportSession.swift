import Host
import Layers
import Synchronization

/// The state that the threads of an import share: its progress, and whether to go on.
final class ImportSession: Sendable {
    /// The progress that the user sees.
    struct State {
        /// "importing debian:12".
        var title: String
        /// A text that replaces the figures: "waiting for another vmm".
        var note: String?
        var layersBegun = 0
        var layerCount = 0
        /// The size of the layers as they came, including those that the store already has.
        var byteCount: UInt64 = 0
    }

    let state: Mutex<State>
    /// The limits on the import.
    let budget: ImportBudget
    /// The number of bytes done.
    let doneByteCount = Atomic<UInt64>(0)
    private let signal = Atomic<Int32>(0)
    private let isUrgent = Atomic<Bool>(false)
    private let hasFailed = Atomic<Bool>(false)

    init(_ title: String, budget: ImportBudget = ImportBudget()) {
        self.budget = budget
        state = Mutex(State(title: title))
    }

    /// The signal that asked the import to end.
    var endingSignal: Int32? {
        let number = signal.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    func end(after number: Int32) {
        signal.store(number, ordering: .relaxed)
    }

    /// Whether a second signal asked the import to end: skopeo is then killed.
    var mustEndAtOnce: Bool { isUrgent.load(ordering: .relaxed) }

    func endAtOnce() {
        isUrgent.store(true, ordering: .relaxed)
    }

    /// Notes that one of the threads has failed, so that the others end.
    func fail() {
        hasFailed.store(true, ordering: .relaxed)
    }

    /// Throws if a signal or a failed thread has ended the import. Every piece of work calls it.
    func check() throws(Failure) {
        guard signal.load(ordering: .relaxed) == 0, !hasFailed.load(ordering: .relaxed) else {
            throw Failure(.host, "cannot continue the import", because: "it was interrupted")
        }
    }

    func add(_ byteCount: UInt64) {
        doneByteCount.wrappingAdd(byteCount, ordering: .relaxed)
    }

    func note(_ text: String?) {
        state.withLock { $0.note = text }
    }

    /// Shows that the import waits for a lock of another process, and throws if it has been ended.
    func wait() throws(Failure) {
        note("waiting for another vmm that does the same work")
        try check()
    }
}
