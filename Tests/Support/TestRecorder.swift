import Host
import Synchronization

/// Records bytes from any thread, and lets a test wait for them.
public final class TestRecorder: Sendable {
    private let pieces = Mutex<[[UInt8]]>([])
    private let bell: EventFD

    public init() throws {
        bell = try EventFD()
    }

    public func record(_ bytes: [UInt8]) {
        pieces.withLock { $0.append(bytes) }
        bell.signal()
    }

    /// The pieces in the order in which they were recorded.
    public var all: [[UInt8]] { pieces.withLock { $0 } }
    public var bytes: [UInt8] { Array(all.joined()) }

    /// Waits until at least `count` bytes have been recorded, and returns all of them.
    public func wait(forBytes count: Int) throws -> [UInt8] {
        while true {
            let bytes = bytes
            if bytes.count >= count { return bytes }
            guard bell.wait(milliseconds: WatchdogExpired.milliseconds) else {
                throw WatchdogExpired("\(count) recorded bytes")
            }
        }
    }
}
