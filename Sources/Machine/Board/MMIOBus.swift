import Boot
import GuestMemory
import Layout
import Virtio

/// The guest's virtio-mmio windows, one page apart: an address consists of a device's number and an offset.
struct MMIOBus: Sendable {
    let devices: [VirtioMMIO]

    func read(_ address: UInt64, byteCount: Int) -> UInt64 {
        guard let (device, offset) = find(address, byteCount: byteCount) else { return .max }
        return device.read(at: offset, byteCount: byteCount)
    }

    func write(_ value: UInt64, to address: UInt64, byteCount: Int) {
        guard let (device, offset) = find(address, byteCount: byteCount) else { return }
        device.write(value, at: offset, byteCount: byteCount)
    }

    private func find(_ address: UInt64, byteCount: Int) -> (VirtioMMIO, UInt64)? {
        let distance = address &- Layout.virtioWindows.rawValue
        let (index, offset) = distance.quotientAndRemainder(dividingBy: Layout.virtioWindowStride)
        guard index < UInt64(devices.count), offset &+ UInt64(byteCount) <= Layout.virtioWindowByteCount
        else {
            return nil
        }
        return (devices[Int(index)], offset)
    }
}
