import Synchronization

/// What the names of an image's files may take of memory, for all layers together that are written at the same time: a
/// compressed archive tells of a name in a few bits, and layers are converted several at a time.
///
/// What archives' readers need comes on top, for each: buffers, headers up to 1 MiB, and a decompressor's window.
public final class TreeMemory: Sendable {
    /// Enough for ten million files: no image is known that comes near it.
    public static let usualByteCount = 1 << 30
    /// Trees grow in steps of that size, so that they seldom meet here.
    fileprivate static let stepByteCount = 64 << 10

    private let rest: Mutex<Int>

    public init(byteCount: Int = usualByteCount) {
        rest = Mutex(byteCount)
    }

    /// What nobody has now.
    public var freeByteCount: Int { rest.withLock { $0 } }

    /// Takes `byteCount`, and up to a step more where there is so much; nil where there is less.
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

/// What one tree has of it. Its copies hold it together, and the last one gives it back.
public final class TreeMemoryShare {
    private let memory: TreeMemory
    private(set) var byteCount = 0

    public init(of memory: TreeMemory) {
        self.memory = memory
    }

    /// Makes it `byteCount` at least; false where there is not so much.
    public func grow(to byteCount: Int) -> Bool {
        guard byteCount > self.byteCount else { return true }
        guard let taken = memory.take(byteCount - self.byteCount) else { return false }
        self.byteCount += taken
        return true
    }

    /// What was asked for in pieces.
    private var spentByteCount = 0

    /// Makes it `byteCount` more than all that was spent before.
    public func spend(_ byteCount: Int) throws(Damage) {
        spentByteCount += byteCount
        guard grow(to: spentByteCount) else { throw Damage.tooManyFiles }
    }

    deinit {
        memory.giveBack(byteCount)
    }
}
