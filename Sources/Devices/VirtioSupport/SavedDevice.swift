public import Host
public import Virtio

/// The bytes of a saved device of any type of this room.
extension VirtioTransport.State {
    /// Decodes a state whose tag is that of a device of this room. A device whose driver is hostile has
    /// chosen the numbers in it, and a file may have changed them: `VirtioTransport.restore` checks them.
    public init?(from reader: inout ByteReader) {
        self.init(from: &reader, readDevice: Self.readDevice)
    }

    private static func readDevice(
        _ tag: VirtioStateTag, _ reader: inout ByteReader
    ) -> (any VirtioDeviceState)? {
        switch tag {
        case VirtioBlock.State.tag: VirtioBlock.State(from: &reader)
        case VirtioConsole.State.tag: VirtioConsole.State(from: &reader)
        case VirtioSerialPort.State.tag: VirtioSerialPort.State(from: &reader)
        case VirtioRng.State.tag: VirtioRng.State(from: &reader)
        case VirtioPmem.State.tag: VirtioPmem.State(from: &reader)
        default: nil
        }
    }
}
