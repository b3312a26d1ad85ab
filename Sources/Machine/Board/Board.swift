import Boot
import Devices
import GuestMemory
import Host
import KVM
import Logging
import Virtio

/// All devices of a machine, connected to its interrupts, and the console behind them.
struct Board: Sendable {
    let ports: PortBus
    let windows: MMIOBus
    /// The names of the virtio devices, in the order of `windows`.
    let deviceNames: [String]
    let powerButton: PowerButton
    let console: MachineConsole?
    let consoleTail: ConsoleTail?
    /// The port of the session, if there is a session.
    let agentPort: VirtioSerialPort?
    let persistentMemory: VirtioPmem?
    let notes: GuestNotes

    /// Describes the machine for its firmware tables.
    func description(cpuCount: Int) -> MachineDescription {
        MachineDescription(
            apicIDs: (0..<UInt32(cpuCount)).map { $0 },
            virtioDevices: windows.devices.indices.map(MachineDescription.VirtioDevice.init(index:)),
            hasSerial: ports.serial != nil)
    }

    /// The errors of each virtio device so far.
    var deviceReports: [DeviceReport] {
        zip(deviceNames, windows.devices).map { DeviceReport($0, $1.transport) }
    }

    /// Drains the devices, after the vCPUs have stopped, and writes out what the guest has printed. Output
    /// that a reader does not take stays in the ring; it is the host's, and no part of the guest.
    func pause() {
        console?.pauseInput()
        for device in windows.devices { device.transport.pause() }
        console?.flush()
    }

    /// The states of the virtio devices, in the order of `windows`, which must be paused.
    var deviceStates: [VirtioTransport.State] { windows.devices.map { $0.transport.state } }

    /// Restores the virtio devices of a board that was just built; they stay paused. Throws if a state is not
    /// one of its device.
    func restore(_ states: [VirtioTransport.State]) throws(Failure) {
        guard states.count == windows.devices.count else {
            throw Failure(
                .badInput, "cannot restore the devices",
                because: "the state has \(states.count) of them, and the machine has \(windows.devices.count)"
            )
        }
        for (index, state) in states.enumerated() {
            do throws(SavedStateError) {
                try windows.devices[index].transport.restore(state)
            } catch {
                throw Failure(.badInput, "cannot restore the \(deviceNames[index])", because: "\(error)")
            }
        }
    }

    /// Lets the devices go on, before the vCPUs run.
    func resume() {
        for device in windows.devices { device.transport.resume() }
        console?.resumeInput()
    }

    /// Stops every device: its requests in flight are finished, and it no longer accesses the guest's memory.
    func stop() {
        for device in windows.devices { device.transport.stop() }
    }
}
