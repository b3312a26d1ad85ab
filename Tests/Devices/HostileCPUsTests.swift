import Host
import Synchronization
import TestSupport
import Testing
import Virtio

@Suite struct HostileCPUsTests {
    /// Several CPUs write registers, notify, start and reset one device all at once, as no kernel would.
    @Test(arguments: HostileTarget.all) func theyMeetInOneDevice(_ target: HostileTarget) throws {
        let fixture = try HostileFixture(target)
        try fixture.start()
        let window = fixture.driver.window
        var threads: [JoinedThread] = []
        for seed in UInt64(1)...4 {
            threads.append(
                try JoinedThread {
                    var noise = SplitMix64(seed: seed)
                    for _ in 0..<2000 { Self.disturb(window, &noise) }
                })
        }
        for thread in threads { thread.join() }
        fixture.driver.reset()
        #expect(fixture.driver.status == 0)
        try fixture.drainOutput()
        try fixture.expectWorks()
    }

    /// One access: mostly one that a driver makes, with a value that is sometimes right.
    private static func disturb(_ window: VirtioMMIO, _ noise: inout SplitMix64) {
        let registers = VirtioRegister.allCases
        let register = registers[Int(noise.next() % UInt64(registers.count))].rawValue
        let values: [UInt64] = [0, 1, 3, 8, 11, 15, 0x1000, 0x2000, 0x3000, noise.next() & 0xFFFF_FFFF]
        let value = values[Int(noise.next() % UInt64(values.count))]
        switch noise.next() % 4 {
        case 0: _ = window.read(at: register, byteCount: 4)
        case 1: window.write(noise.next() % 2, at: VirtioRegister.queueNotify.rawValue, byteCount: 4)
        case 2: _ = window.read(at: 0x100 + noise.next() % 64, byteCount: 4)
        default: window.write(value, at: register, byteCount: 4)
        }
    }
}

/// A thread that can be kept in an array.
private final class JoinedThread: Sendable {
    private let thread: Mutex<HostThread?>

    init(_ body: @escaping @Sendable () -> Void) throws {
        let thread = try HostThread(named: "cpu", body)
        self.thread = Mutex(thread)
    }

    func join() {
        thread.withLock { $0.take() }?.join()
    }
}
