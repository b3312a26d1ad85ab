import FuzzSupport
import HostileDevices

/// An input is the conversation of a driver with a device, step by step (see `FuzzedDriver`). Its first byte
/// is the device's number in the table `HostileDevice.all`. Whatever the driver does, the monitor lives, and
/// the device works again after a reset.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, driveDevice)
}

private func driveDevice(_ input: [UInt8]) -> Verdict {
    guard input.count > 1, let device = HostileDevice.all.first(where: { $0.number == input[0] }) else {
        return .unwanted
    }
    var steps = StepReader(Array(input.dropFirst()))
    let driver = FuzzedDriver(device)
    while !steps.isAtEnd { driver.step(&steps) }
    driver.checkReset()
    return .welcome
}
