import Host
import Layers
import Synchronization

/// What the threads of an import share: how far it is, and whether it shall go on.
final class ImportSession: Sendable {
    /// What the user is told.
    struct State {
        /// "importing debian:12".
        var title: String
        /// "waiting for another vmm"; instead of the figures.
        var note: String?
        var layersBegun = 0
        var layerCount = 0
        /// Of the layers as they came, those that are there already included.
        var byteCount: UInt64 = 0
    }

    let state: Mutex<State>
    /// What the import may take.
    let budget: ImportBudget
    /// How many of the bytes are done.
    let doneByteCount = Atomic<UInt64>(0)
    private let signal = Atomic<Int32>(0)
    private let isUrgent = Atomic<Bool>(false)
    private let hasFailed = Atomic<Bool>(false)

    init(_ title: String, budget: ImportBudget = ImportBudget()) {
        self.budget = budget
        state = Mutex(State(title: title))
    }

    /// The signal that asked for an end.
    var endingSignal: Int32? {
        let number = signal.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    func end(after number: Int32) {
        signal.store(number, ordering: .relaxed)
    }

    /// Whether it was asked for an end again: programs that help are killed.
    var mustEndAtOnce: Bool { isUrgent.load(ordering: .relaxed) }

    func endAtOnce() {
        isUrgent.store(true, ordering: .relaxed)
    }

    /// One of the threads has failed: the others need not go on.
    func fail() {
        hasFailed.store(true, ordering: .relaxed)
    }

    /// Ends the work where that is wanted. Called all the time.
    func check() throws(Failure) {
        guard signal.load(ordering: .relaxed) == 0, !hasFailed.load(ordering: .relaxed) else {
            throw Failure(.host, "cannot go on with the import", because: "it was interrupted")
        }
    }

    func add(_ byteCount: UInt64) {
        doneByteCount.wrappingAdd(byteCount, ordering: .relaxed)
    }

    func note(_ text: String?) {
        state.withLock { $0.note = text }
    }

    /// Waits for a lock that another process has.
    func wait() throws(Failure) {
        note("waiting for another vmm that does the same")
        try check()
    }
}
