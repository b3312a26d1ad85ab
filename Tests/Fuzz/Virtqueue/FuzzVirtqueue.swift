import FuzzSupport

/// The input is what a driver does, step by step (see `FuzzedDriver`): to a disk, a console, an entropy
/// source, a port or a persistent memory, as its first byte says. Whatever it does, the monitor lives, and
/// the device is as new after a reset.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, driveDevice)
}

private func driveDevice(_ input: [UInt8]) -> Verdict {
    guard input.count > 1 else { return .unwanted }
    var steps = StepReader(input)
    let driver = FuzzedDriver(device: steps.byte())
    while !steps.isAtEnd { driver.step(&steps) }
    driver.checkReset()
    return .welcome
}
