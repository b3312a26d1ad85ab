import Host
import Synchronization

/// Reads from a pipe on a thread of its own: tests block, and Swift's task threads are too few to wait on one another.
public final class TestReader: Sendable {
    private let thread: Mutex<HostThread?>
    private let result: ResultBox

    private final class ResultBox: Sendable {
        let result = Mutex<Result<[UInt8], any Error>>(.success([]))
    }

    public init(_ pipe: TestPipe, exactly count: Int) throws {
        let box = ResultBox()
        result = box
        let thread = try HostThread(named: "test-reader") {
            let result = Result { try pipe.receive(exactly: count) }
            box.result.withLock { $0 = result }
        }
        self.thread = Mutex(thread)
    }

    /// Waits for all of it.
    public func bytes() throws -> [UInt8] {
        thread.withLock { $0.take() }?.join()
        return try result.result.withLock { $0 }.get()
    }
}
