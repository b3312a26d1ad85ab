import Devices
import FuzzSupport
import Glibc
import Host
public import HostileDevices
public import Virtio

/// What all inputs share: an event loop on its thread, a disk in memory, an output that nobody reads.
public struct FuzzedHost: Sendable {
    public let host: HostileHost
    private let loop: EventLoop
    private let asked: EventFD
    private let answered: EventFD

    public static let shared: FuzzedHost = {
        guard let host = try? FuzzedHost() else { fatalError("the host has no descriptors to spare") }
        return host
    }()

    private init() throws {
        loop = try EventLoop()
        asked = try EventFD()
        answered = try EventFD()
        let null = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
        host = HostileHost(
            loop: loop, output: try ConsoleOutput(descriptor: null) { _ in },
            disk: try DiskFile.open(MemoryFile("disk", byteCount: 64 << 10).path, readOnly: false),
            files: try PmemFiles([MemoryFile("pmem", byteCount: 64 << 10).path])
        ) { _ in }
        try loop.watch(asked.descriptor) { [asked, answered] in
            asked.drain()
            answered.signal()
        }
        let thread = try HostThread(named: "fuzz-loop") { [loop] in try? loop.run() }
        thread.leave()
    }

    /// Returns when the loop has served all that was due.
    public func settle() {
        asked.signal()
        _ = answered.wait(milliseconds: -1)
    }
}

extension HostThread {
    /// The thread runs until the process ends.
    consuming func leave() {}
}

/// An interrupt line that leads nowhere.
public final class DeafLine: InterruptLine {
    public init() {}
    public func signal() {}
}
