import Host
import Synchronization
import Virtio

/// A device that only records the calls of its transport.
final class FakeDevice: VirtioDevice {
    enum Call: Hashable, Sendable {
        case activate(features: UInt64, readyQueues: Int)
        case reset
        case pause, resume
        case restore(State, isActive: Bool)
        case configure([UInt8], offset: Int)
    }

    struct State: VirtioDeviceState {
        var number: UInt32

        static let tag = VirtioStateTag(.entropy)

        init(number: UInt32) {
            self.number = number
        }

        func write(to writer: inout ByteWriter) {
            writer.u32(number)
        }

        init?(from reader: inout ByteReader) {
            guard let number = reader.u32() else { return nil }
            self.number = number
        }
    }

    let type = VirtioDeviceType.entropy
    let features = VirtioFeatures(bit: 5)
    let queueSizes: [UInt16] = [256, 8]
    let configuration: [UInt8] = [1, 2, 3, 4, 5, 6, 7]
    let counters = VirtioCounters()
    private let log = Mutex<[Call]>([])

    var calls: [Call] { log.withLock { $0 } }

    func writeConfiguration(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        log.withLock { $0.append(.configure(Array(bytes), offset: offset)) }
    }

    func activate(_ activation: VirtioActivation) throws(VirtqueueError) {
        let features = activation.features.rawValue
        let ready = activation.queues.count { $0.isReady }
        log.withLock { $0.append(.activate(features: features, readyQueues: ready)) }
        for index in 0..<2 where activation.queues[index].isReady { _ = try activation.virtqueue(index) }
    }

    func reset() {
        log.withLock { $0.append(.reset) }
    }
    func pause() {
        log.withLock { $0.append(.pause) }
    }

    func resume() {
        log.withLock { $0.append(.resume) }
    }

    let state = State(number: 7)

    func restore(_ saved: State, _ activation: VirtioActivation?) throws(SavedStateError) {
        guard saved == state else { throw .unfit("another number") }
        log.withLock { $0.append(.restore(saved, isActive: activation != nil)) }
    }
}
