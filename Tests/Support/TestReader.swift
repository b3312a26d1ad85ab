import Host
import Synchronization

/// Reads from a pipe on its own thread. Tests block, and Swift has too few task threads for blocked tests.
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

    /// Waits for all bytes and returns them.
    public func bytes() throws -> [UInt8] {
        thread.withLock { $0.take() }?.join()
        return try result.result.withLock { $0 }.get()
    }
}
