import Foundation
import Host
import Synchronization
import TestSupport
import Testing

@testable import Machine

@Suite("A wire to the interrupt controllers")
struct InterruptWireTests {
    /// The levels that a pin was set to, in their order.
    private final class Pin: Sendable {
        private let levels = Mutex<[Bool]>([])

        /// Notes the level, and then lets another thread run: whatever may come between two levels comes.
        func set(_ isHigh: Bool) {
            levels.withLock { $0.append(isHigh) }
            sched_yield()
        }

        var all: [Bool] { levels.withLock { $0 } }
    }

    @Test("every signal is an edge of its own, whichever threads signal at once")
    func edges() throws {
        let pin = Pin()
        let wire = InterruptWire { pin.set($0) }
        let threads = try (0..<2).map { index in
            try OwnedTestThread("signals-\(index)") { for _ in 0..<2_000 { wire.signal() } }
        }
        for thread in threads { thread.join() }
        let levels = pin.all
        #expect(levels.count == 2 * 2 * 2_000)
        let misplaced = levels.indices.first { levels[$0] != $0.isMultiple(of: 2) }
        #expect(misplaced == nil, "a level that is no edge, or that ends another signal's")
    }
}

/// A thread with a shared owner, joined once.
private final class OwnedTestThread: Sendable {
    private let thread: Mutex<HostThread?>

    init(_ name: String, _ body: @escaping @Sendable () -> Void) throws {
        let started = try HostThread(named: name, body)
        thread = Mutex(started)
    }

    func join() { thread.withLock { $0.take() }?.join() }
}
