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
    let windows: WindowBus
    /// The names of the virtio devices, in the order of `windows`.
    let deviceNames: [String]
    let powerButton: PowerButton
    let console: MachineConsole?
    let consoleTail: ConsoleTail?
    /// The port of the session, where there is one.
    let agentPort: VirtioPort?
    let persistentMemory: VirtioPmem?
    let notes: GuestNotes

    /// The machine as its firmware tables describe it.
    func description(cpuCount: Int) -> MachineDescription {
        MachineDescription(
            apicIDs: (0..<UInt32(cpuCount)).map { $0 },
            virtioDevices: windows.devices.indices.map(MachineDescription.VirtioDevice.init(index:)),
            hasSerial: ports.serial != nil)
    }

    /// The errors of each virtio device until now.
    var deviceReports: [DeviceReport] {
        zip(deviceNames, windows.devices).map { DeviceReport($0, $1) }
    }

    /// Every device lets go of the guest's memory; what it was doing is done.
    func stop() {
        for device in windows.devices { device.stop() }
    }
}
