public import Devices
import GuestMemory
public import Host
public import Virtio

/// The parts of the host that devices in the hands of a hostile driver need.
public struct HostileHost: Sendable {
    let loop: EventLoop
    let output: ConsoleOutput
    let disk: DiskFile
    let files: PmemFiles
    let received: @Sendable ([UInt8]) -> Void

    /// `received` is called with the bytes that a guest sends to a port.
    public init(
        loop: EventLoop, output: ConsoleOutput, disk: DiskFile, files: PmemFiles,
        received: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.loop = loop
        self.output = output
        self.disk = disk
        self.files = files
        self.received = received
    }
}

/// A device that a hostile driver may have, and what the host does with it.
public struct HostileInstance: Sendable {
    public let device: any VirtioDevice
    /// Sends the guest bytes; returns the number of bytes that the device has taken.
    public let send: @Sendable ([UInt8]) -> Int

    init(_ device: any VirtioDevice, send: @escaping @Sendable ([UInt8]) -> Int = { _ in 0 }) {
        self.device = device
        self.send = send
    }
}

/// A type of device in the hands of a hostile driver: a row of the table that tests and fuzzers share. A new
/// device type is a new row.
public struct HostileDevice: Sendable {
    public let name: String
    /// The first byte of a fuzzer's input for this device. Inputs are kept, so a number is never used again.
    public let number: UInt8
    /// The number of queues that a driver tries to use, a power of two. It may be more than there are.
    public let queueCount: Int
    /// Whether a thread of its own serves the device, so that the event loop does not know when it is done.
    public let hasThread: Bool
    /// Whether the device is a port, which the driver must open (VIRTIO_CONSOLE_PORT_OPEN, 5.3.6.2).
    public let isPort: Bool
    public let make: @Sendable (HostileHost) throws -> HostileInstance
    /// Makes a saved state of the device wrong in a way that depends on `noise`.
    public let spoil: @Sendable (_ state: any VirtioDeviceState, _ noise: UInt64) -> any VirtioDeviceState

    private init<State: VirtioDeviceState>(
        _ name: String, _ number: UInt8, queueCount: Int = 2, hasThread: Bool = false, isPort: Bool = false,
        spoil: @escaping @Sendable (inout State, UInt64) -> Void,
        make: @escaping @Sendable (HostileHost) throws -> HostileInstance
    ) {
        self.name = name
        self.number = number
        self.queueCount = queueCount
        self.hasThread = hasThread
        self.isPort = isPort
        self.make = make
        self.spoil = { state, noise in
            guard var own = state as? State else { return state }
            spoil(&own, noise)
            return own
        }
    }

    public static let all = [block, console, entropy, port, persistentMemory]

    public static let block = HostileDevice(
        "block", 0, hasThread: true,
        spoil: { (state: inout VirtioBlock.State, noise) in
            state.queue?.spoil(noise)
            if noise % 16 == 15 { state.sectorCount &+= 1 }
        }, make: { HostileInstance(VirtioBlock($0.disk, identifier: "hostile")) })

    public static let console = HostileDevice(
        "console", 1,
        spoil: { (state: inout VirtioConsole.State, noise) in
            state.queues?.receive.spoil(noise)
            state.queues?.transmit.spoil(noise >> 24)
            state.size.generation = UInt32(truncatingIfNeeded: noise)
        },
        make: { host in
            let console = try VirtioConsole(
                output: host.output, loop: host.loop, columns: 80, rows: 25, inputSilence: 0)
            return HostileInstance(console) { console.receive($0[...]) }
        })

    public static let entropy = HostileDevice(
        "entropy", 2,
        spoil: { (state: inout VirtioRng.State, noise) in state.queue?.spoil(noise) },
        make: { HostileInstance(VirtioRng(loop: $0.loop)) })

    public static let port = HostileDevice(
        "port", 3, queueCount: 4, isPort: true,
        spoil: { (state: inout VirtioSerialPort.State, noise) in
            state.queues?.receive.spoil(noise)
            state.queues?.transmit.spoil(noise >> 8)
            state.queues?.controlReceive.spoil(noise >> 16)
            state.queues?.controlTransmit.spoil(noise >> 24)
            state.queues?.outbox.append(UInt16(truncatingIfNeeded: noise >> 32) & 7)
        },
        make: { host in
            let port = VirtioSerialPort(name: "hostile", loop: host.loop, received: host.received)
            return HostileInstance(port) { port.send($0) ? $0.count : 0 }
        })

    public static let persistentMemory = HostileDevice(
        "persistentMemory", 4,
        spoil: { (state: inout VirtioPmem.State, noise) in state.queue?.spoil(noise) },
        make: { HostileInstance(VirtioPmem($0.files, at: GuestAddress(1 << 32), loop: $0.loop)) })
}

extension VirtqueueState {
    /// Moves the position by a few entries, mostly to one that a queue could have.
    fileprivate mutating func spoil(_ noise: UInt64) {
        nextAvailable &+= UInt16(truncatingIfNeeded: noise & 3)
        nextUsed &+= UInt16(truncatingIfNeeded: noise >> 2 & 3)
        signalledUsed = UInt16(truncatingIfNeeded: noise >> 4)
    }
}

extension TransmitQueueState {
    fileprivate mutating func spoil(_ noise: UInt64) {
        queue.spoil(noise)
        switch noise >> 4 & 3 {
        case 0: takenByteCount = 0
        case 1: takenByteCount = .max
        case 2: takenByteCount = noise & 0xFFFF
        default: break
        }
    }
}
