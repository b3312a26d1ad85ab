import Host
import HostileDevices
import TestSupport
import Testing
import Virtio

@testable import Devices

/// The bytes of a saved device, which are read by the tag in front of them.
@Suite struct SavedBytesTests {
    /// A state of each device that is at work.
    private func state(of target: HostileTarget) throws -> VirtioTransport.State {
        let fixture = try HostileFixture(target)
        try fixture.start()
        fixture.ring()
        fixture.driver.transport.pause()
        defer { fixture.driver.reset() }
        return fixture.driver.transport.state
    }

    private func bytes(of state: VirtioTransport.State) -> [UInt8] {
        var writer = ByteWriter()
        state.write(to: &writer)
        return writer.bytes
    }

    private func decode(_ bytes: some Sequence<UInt8>) -> VirtioTransport.State? {
        var reader = ByteReader(Array(bytes))
        let state = VirtioTransport.State(from: &reader)
        return reader.isAtEnd ? state : nil
    }

    @Test(arguments: HostileTarget.all) func theStateOfADeviceAtWorkComesBack(_ target: HostileTarget) throws
    {
        let saved = try state(of: target)
        let bytes = bytes(of: saved)
        let decoded = try #require(decode(bytes))
        #expect(decoded.negotiation == saved.negotiation && saved.negotiation.isAtWork)
        #expect(decoded.interruptStatus == saved.interruptStatus && decoded.needsReset == saved.needsReset)
        #expect(AnyHashable(decoded.device) == AnyHashable(saved.device))
        #expect(self.bytes(of: decoded) == bytes)
    }

    @Test(arguments: HostileTarget.all) func aStateThatIsCutOffOrLongerIsRefused(
        _ target: HostileTarget
    ) throws {
        let bytes = bytes(of: try state(of: target))
        for count in 0..<bytes.count { #expect(decode(bytes.prefix(count)) == nil) }
        #expect(decode(bytes + [0]) == nil)
    }

    /// Tags that no device has, and every other device's.
    @Test(arguments: HostileTarget.all) func aStateWithAnotherTagIsAnotherOrNone(
        _ target: HostileTarget
    ) throws {
        let saved = try state(of: target)
        let bytes = bytes(of: saved)
        let tag = type(of: saved.device).tag
        var head = ByteWriter()
        saved.negotiation.write(to: &head)
        let offset = head.count + 4 + 1
        var own = ByteReader(bytes[offset...])
        #expect(own.u32() == tag.rawValue)
        for raw in [0, 1, 5, 63, .max, tag.rawValue ^ 1 << 16, tag.rawValue | 1 << 31] as [UInt32] {
            var changed = bytes
            for byte in 0..<4 {
                changed[offset + byte] = UInt8(truncatingIfNeeded: raw >> (8 * UInt32(byte)))
            }
            if let other = decode(changed) {
                #expect(type(of: other.device).tag.rawValue == raw)
                #expect(self.bytes(of: other) == changed)
            }
        }
    }

    @Test func aPortHoldsNoMoreBytesThanItTakes() throws {
        let limit = VirtioSerialPort.pendingLimit
        let fits = VirtioSerialPort.State(pending: [UInt8](repeating: 7, count: limit), queues: nil)
        #expect(try fits.throughBytes() == fits)
        let tooMany = VirtioSerialPort.State(pending: [UInt8](repeating: 7, count: limit + 1), queues: nil)
        #expect(VirtioSerialPort.State(decoding: tooMany.encoded) == nil)
    }
}

extension VirtioNegotiation.State {
    fileprivate var isAtWork: Bool { status.contains(.driverOK) && queues.contains { $0.isReady } }
}
