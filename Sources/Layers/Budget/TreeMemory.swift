import Synchronization

/// The memory for the names of an image's files, for all layers that are written at the same time. A
/// compressed archive can state a name in a few bits, and several layers are converted at a time.
///
/// The readers of the archives need more memory each: buffers, headers up to 1 MiB, and a decompressor's
/// window.
public final class TreeMemory: Sendable {
    /// The default: enough for ten million files, far more than any known image has.
    public static let usualByteCount = 1 << 30
    /// The step in which trees grow, which makes contention for the lock rare.
    fileprivate static let stepByteCount = 64 << 10

    private let rest: Mutex<Int>

    public init(byteCount: Int = usualByteCount) {
        rest = Mutex(byteCount)
    }

    /// The number of bytes that no tree has now.
    public var freeByteCount: Int { rest.withLock { $0 } }

    /// Takes `byteCount` bytes, rounded up to a step if there are enough. Returns the number taken; nil if
    /// there are fewer than `byteCount`.
    fileprivate func take(_ byteCount: Int) -> Int? {
        rest.withLock { rest in
            guard byteCount <= rest else { return nil }
            let taken = max(byteCount, min(Self.stepByteCount, rest))
            rest -= taken
            return taken
        }
    }

    fileprivate func giveBack(_ byteCount: Int) {
        rest.withLock { $0 += byteCount }
    }
}

/// A tree's share of a `TreeMemory`. Copies of the tree have it in common; the last one gives it back.
public final class TreeMemoryShare {
    private let memory: TreeMemory
    private(set) var byteCount = 0

    public init(of memory: TreeMemory) {
        self.memory = memory
    }

    /// Grows the share to at least `byteCount`. Returns false if there is not enough memory.
    public func grow(to byteCount: Int) -> Bool {
        guard byteCount > self.byteCount else { return true }
        guard let taken = memory.take(byteCount - self.byteCount) else { return false }
        self.byteCount += taken
        return true
    }

    /// The sum of all `spend` calls.
    private var spentByteCount = 0

    /// Grows the share by `byteCount` beyond all earlier calls.
    public func spend(_ byteCount: Int) throws(Damage) {
        spentByteCount += byteCount
        guard grow(to: spentByteCount) else { throw Damage.tooManyFiles }
    }

    deinit {
        memory.giveBack(byteCount)
    }
}
