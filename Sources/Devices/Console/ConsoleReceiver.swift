import Synchronization

/// A device that takes what the user types.
public protocol ConsoleReceiver: AnyObject, Sendable {
    /// Takes as much of `bytes` as the guest has room for and tells how much that was.
    func receive(_ bytes: ArraySlice<UInt8>) -> Int
    /// `handler` is called, on any thread, whenever the guest may have made room.
    func whenRoomAppears(_ handler: @escaping @Sendable () -> Void)
}

/// What a device rings when its guest has made room for input.
final class RoomBell: Sendable {
    private let handler = Mutex<(@Sendable () -> Void)?>(nil)

    func connect(_ handler: @escaping @Sendable () -> Void) {
        self.handler.withLock { $0 = handler }
    }

    func ring() {
        handler.withLock { $0 }?()
    }
}
