import Devices
import FuzzDevices
import GuestMemory
import Host
import HostileDevices
import Virtio

/// The restoration of devices from states that may be anybody's, over a small memory.
struct FuzzedRestore {
    private static let memoryByteCount: UInt64 = 256 << 10
    private let memory: GuestMemory

    /// Makes the guest's memory, which begins with `content`: so the fuzzer's input also has rings and
    /// descriptors for the queues in its state.
    init(memory content: [UInt8]) {
        guard let memory = try? GuestMemory(byteCount: Self.memoryByteCount) else {
            fatalError("the host has no memory to spare")
        }
        try? memory.write(Array(content.prefix(Int(Self.memoryByteCount))), at: GuestAddress(0))
        self.memory = memory
    }

    /// Restores a device of each type from `saved`. A device that takes the state has it, goes on with its
    /// work, and still can be reset.
    func check(_ saved: VirtioTransport.State) {
        for device in HostileDevice.all {
            let transport = makeTransport(of: device)
            do throws(SavedStateError) { try transport.restore(saved) } catch { continue }
            precondition(
                Self.bytes(of: transport.state) == Self.bytes(of: saved), "the restored state is another")
            transport.resume()
            let window = VirtioMMIO(transport)
            for queue in 0..<UInt64(device.queueCount) { window.write(queue, at: 0x50, byteCount: 4) }
            FuzzedHost.shared.settle()
            window.write(0, at: 0x70, byteCount: 4)
            precondition(window.read(at: 0x70, byteCount: 4) == 0, "a reset device has a status")
        }
    }

    private func makeTransport(of device: HostileDevice) -> VirtioTransport {
        guard let instance = try? device.make(FuzzedHost.shared.host),
            let transport = try? VirtioTransport(device: instance.device, memory: memory, line: DeafLine())
        else { fatalError("the host has no descriptors to spare") }
        return transport
    }

    private static func bytes(of state: VirtioTransport.State) -> [UInt8] {
        var state = state
        // The table's console lets input through from the start, whatever its state says.
        if var console = state.device as? VirtioConsole.State {
            console.queues?.gate = InputGateState(phase: .open)
            state.device = console
        }
        var writer = ByteWriter()
        state.write(to: &writer)
        return writer.bytes
    }

    /// Restores a serial port from `saved`, and uses each of its registers.
    func check(_ saved: UART16550.State) {
        guard var chip = try? UART16550(saved) else { return }
        precondition(chip.state == saved, "the restored serial port has another state")
        for offset in UInt8(0)..<8 {
            _ = chip.read(offset)
            _ = chip.write(offset, offset)
            chip.receive(offset)
            _ = chip.takeInterruptEdge()
        }
        precondition((try? UART16550(chip.state)) != nil, "a serial port refuses its own state")
    }
}
