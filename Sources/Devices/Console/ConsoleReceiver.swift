import Synchronization

/// A device that receives the user's input.
public protocol ConsoleReceiver: AnyObject, Sendable {
    /// Passes as much of `bytes` to the guest as it has room for; returns the number of bytes.
    func receive(_ bytes: ArraySlice<UInt8>) -> Int
    /// Sets the handler to call whenever the guest may have made room. It is called on any thread.
    func whenRoomAppears(_ handler: @escaping @Sendable () -> Void)
}

/// Calls a handler when the guest has made room for input.
final class RoomHandler: Sendable {
    private let handler = Mutex<(@Sendable () -> Void)?>(nil)

    func connect(_ handler: @escaping @Sendable () -> Void) {
        self.handler.withLock { $0 = handler }
    }

    func call() {
        handler.withLock { $0 }?()
    }
}
