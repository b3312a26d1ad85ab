import CHost
import SystemPackage

extension EventFD {
    /// Waits until the counter is more than 0 and sets it to 0. Returns false if `milliseconds` pass first
    /// (-1: no limit).
    public func wait(milliseconds: Int32) -> Bool {
        var polled = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let count = unsafe poll(&polled, 1, milliseconds)
            if count < 0, Errno.current == .interrupted { continue }
            if count <= 0 { return false }
            // Another thread may have drained the counter first; then the wait goes on.
            if drain() { return true }
        }
    }
}
