import GuestMemory
import Testing
import Virtio

/// The conversation of a driver with a device, without any transport.
@Suite struct VirtioNegotiationTests {
    private static let own = VirtioFeatures(bit: 5)
    private static let offered = own.union(.ofEveryDevice)
    private var negotiation = VirtioNegotiation(offered: offered, maximumQueueSizes: [256, 8])

    /// Does steps 1 to 6 of 3.1.1; returns whether FEATURES_OK stayed set.
    private mutating func negotiate(_ features: VirtioFeatures) -> Bool {
        #expect(negotiation.setStatus(1) == .nothing)
        #expect(negotiation.setStatus(3) == .nothing)
        negotiation.selectDriverWord(0)
        negotiation.setDriverWord(UInt32(truncatingIfNeeded: features.rawValue))
        negotiation.selectDriverWord(1)
        negotiation.setDriverWord(UInt32(truncatingIfNeeded: features.rawValue >> 32))
        #expect(negotiation.setStatus(11) == .nothing)
        return negotiation.state.status.contains(.featuresOK)
    }

    @Test func theOfferComesInTwoWords() {
        var negotiation = negotiation
        let words = [UInt32(0), 1, 2, .max].map { index in
            negotiation.selectOfferedWord(index)
            return negotiation.offeredWord
        }
        #expect(words == [1 << 5 | 1 << 28 | 1 << 29, 1, 0, 0])
    }

    @Test mutating func driverOKActivatesWithWhatWasNegotiated() {
        #expect(negotiate([.version1, Self.own]))
        negotiation.selectQueue(1)
        negotiation.setSize(8)
        negotiation.setLow(.descriptorTable, 0x1000)
        negotiation.setHigh(.descriptorTable, 2)
        negotiation.setLow(.availableRing, 0x2000)
        negotiation.setLow(.usedRing, 0x3000)
        negotiation.setReady(true)
        #expect(negotiation.setStatus(15) == .activate)
        let queue = negotiation.state.queues[1]
        #expect(negotiation.state.driverFeatures == [.version1, Self.own])
        #expect(queue.descriptorTable == GuestAddress(0x2_0000_1000))
        #expect(queue.availableRing == GuestAddress(0x2000))
        #expect(queue.usedRing == GuestAddress(0x3000))
        #expect(queue.isReady && queue.size == 8)
        #expect(!negotiation.state.queues[0].isReady)
    }

    @Test(arguments: [[], VirtioFeatures(bit: 5), [.version1, VirtioFeatures(bit: 6)]] as [VirtioFeatures])
    mutating func featuresThatAreNotOnOfferLeaveFeaturesOKUnset(_ features: VirtioFeatures) {
        #expect(!negotiate(features))
        #expect(negotiation.setStatus(15) == .fault("DRIVER_OK before FEATURES_OK"))
    }

    @Test mutating func featuresAreFixedAfterFeaturesOK() {
        #expect(negotiate(.version1))
        negotiation.selectDriverWord(0)
        negotiation.setDriverWord(.max)
        #expect(negotiation.state.driverFeatures == .version1)
    }

    @Test mutating func onlyAResetClearsAStatusBit() {
        #expect(negotiate(.version1))
        #expect(negotiation.setStatus(3) == .fault("a status bit was cleared without a reset"))
        #expect(negotiation.state.status == [.acknowledge, .driver, .featuresOK])
        #expect(negotiation.setStatus(0) == .reset)
        #expect(negotiation == VirtioNegotiation(offered: Self.offered, maximumQueueSizes: [256, 8]))
    }

    @Test mutating func aQueueIsSetUpOnlyWhileItIsNotReady() {
        negotiation.selectQueue(1)
        negotiation.setSize(4)
        #expect(negotiation.state.queues[1].size == 8, "before FEATURES_OK")
        #expect(negotiate(.version1))
        negotiation.setSize(4)
        negotiation.setReady(true)
        negotiation.setSize(2)
        negotiation.setLow(.usedRing, 0x3000)
        #expect(negotiation.state.queues[1].size == 4)
        #expect(negotiation.state.queues[1].usedRing == GuestAddress(0))
        #expect(negotiation.isSelectedQueueReady)
        #expect(negotiation.setStatus(15) == .activate)
        negotiation.setReady(false)
        #expect(negotiation.isSelectedQueueReady, "after DRIVER_OK")
    }

    @Test(arguments: [UInt32(2), 0x8000_0000, .max])
    mutating func aQueueThatIsNotThereIsNeverChanged(_ index: UInt32) {
        #expect(negotiate(.version1))
        let before = negotiation.state.queues
        negotiation.selectQueue(index)
        negotiation.setSize(4)
        negotiation.setLow(.usedRing, 4)
        negotiation.setReady(true)
        #expect(negotiation.state.queues == before)
        #expect(negotiation.selectedMaximumSize == 0)
        #expect(!negotiation.isSelectedQueueReady)
    }

    @Test(arguments: [(UInt32(256), UInt16(256)), (257, 0), (0x1_0008, 0), (.max, 0)])
    mutating func aSizeAboveTheMaximumBecomesZero(_ size: UInt32, _ expected: UInt16) {
        #expect(negotiate(.version1))
        negotiation.setSize(size)
        #expect(negotiation.state.queues[0].size == expected)
    }
}
