import Host
import TestSupport
import Testing
import Virtio

/// A way to spoil the saved state of a transport.
private struct BadState: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let spoil: @Sendable (inout VirtioTransport.State) -> Void

    init(_ name: String, _ spoil: @escaping @Sendable (inout VirtioTransport.State) -> Void) {
        testDescription = name
        self.spoil = spoil
    }

    struct OtherDevice: VirtioDeviceState {
        static let tag = VirtioStateTag(.block)

        init() {}
        init?(from reader: inout ByteReader) {}
        func write(to writer: inout ByteWriter) {}
    }

    static let all = [
        BadState("an unknown status bit") { $0.negotiation.status.formUnion(.init(rawValue: 256)) },
        BadState("the device's own status bit") { $0.negotiation.status.formUnion(.needsReset) },
        BadState("a feature that is not on offer") {
            $0.negotiation.driverFeatures.formUnion(VirtioFeatures(bit: 63))
        },
        BadState("no feature at all") { $0.negotiation.driverFeatures = [] },
        BadState("too few queues") { $0.negotiation.queues.removeLast() },
        BadState("too many queues") { $0.negotiation.queues.append(VirtqueueConfiguration(size: 8)) },
        BadState("a queue above its maximum") { $0.negotiation.queues[1].size = 16 },
        BadState("an unknown reason of an interrupt") { $0.interruptStatus = 4 },
        BadState("the state of another device") { $0.device = OtherDevice() },
        BadState("a state that the device refuses") { $0.device = FakeDevice.State(number: 8) },
    ]
}

@Suite struct SavedTransportTests {
    private let driver: VirtioDriver
    private let next = FakeDevice()

    init() throws {
        driver = try VirtioDriver(FakeDevice(), memoryByteCount: 1 << 20)
    }

    /// All that a driver can read of the transport, of each queue and each word of the features.
    private func registers() -> [UInt32] {
        let selected = [UInt32(0), 1, 2].flatMap { index in
            driver.write(index, to: .queueSelect)
            driver.write(index, to: .deviceFeaturesSelect)
            return [driver.read(.queueSizeMax), driver.read(.queueReady), driver.read(.deviceFeatures)]
        }
        return selected + VirtioRegister.allCases.map { driver.read($0) }
    }

    /// Each step of 3.1.1 is the last one before the machine is saved.
    @Test(arguments: 0..<8) func theDriverGoesOnAfterAnyStep(_ lastStep: Int) throws {
        driver.makeQueues(size: 8)
        let features = driver.offeredFeatures()
        let steps: [(VirtioDriver) -> Void] = [
            { $0.write(1, to: .status) }, { $0.write(3, to: .status) },
            { driver in
                for word in [UInt32(0), 1] {
                    driver.write(word, to: .driverFeaturesSelect)
                    driver.write(UInt32(truncatingIfNeeded: features >> (32 * word)), to: .driverFeatures)
                }
            },
            { $0.write(11, to: .status) }, { $0.configure($0.queues[0]) }, { $0.configure($0.queues[1]) },
            { $0.write(15, to: .status) }, { $0.ring(1) },
        ]
        for (number, step) in steps.enumerated() {
            step(driver)
            guard number == lastStep else { continue }
            let before = registers()
            try driver.replaceDevice(by: next)
            #expect(registers() == before)
        }
        #expect(driver.status == 15)
        let activation = FakeDevice.Call.activate(features: features, readyQueues: 2)
        let restored = FakeDevice.Call.restore(next.state, isActive: lastStep >= 6)
        #expect(next.calls == [restored, .resume] + (lastStep < 6 ? [activation] : []))
    }

    @Test func anInterruptThatIsPendingComesAgain() throws {
        try driver.start()
        driver.transport.interrupt.usedBuffer(queue: 1)
        try driver.line.wait(for: "the first interrupt")
        try driver.replaceDevice(by: next) { saved in
            #expect(saved.interruptStatus == 1)
            #expect(driver.line.count == 1)
        }
        try driver.line.wait(for: "the interrupt again")
        #expect(driver.line.count == 2)
        #expect(driver.read(.interruptStatus) == 1)
        driver.write(1, to: .interruptACK)
        #expect(driver.read(.interruptStatus) == 0)
    }

    @Test func aDeviceThatHasFailedWaitsForItsResetAsBefore() throws {
        try driver.start()
        driver.transport.interrupt.fail(.chainTooLong)
        try driver.replaceDevice(by: next)
        #expect(driver.needsReset)
        #expect(next.calls.first == .restore(next.state, isActive: false))
        try driver.start()
        #expect(!driver.needsReset)
    }

    @Test(arguments: BadState.all)
    fileprivate func aBadStateIsRefusedAndChangesNothing(_ bad: BadState) throws {
        try driver.start()
        driver.transport.pause()
        var saved = driver.transport.state
        bad.spoil(&saved)
        let other = try VirtioDriver(next, memoryByteCount: 1 << 20)
        #expect(throws: SavedStateError.self) { try other.transport.restore(saved) }
        #expect(next.calls.isEmpty)
        #expect(other.status == 0)
        try other.start()
    }
}
