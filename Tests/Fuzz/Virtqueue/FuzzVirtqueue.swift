/// The input is what a driver does, step by step (see `FuzzedDriver`): to a disk, a console, an entropy source, a port or a
/// persistent memory, as its first byte says. Whatever it does, the monitor lives, and the device is as new after a reset.
@_cdecl("LLVMFuzzerTestOneInput")
public func driveDevice(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    guard byteCount > 1 else { return -1 }
    let input = unsafe UnsafeBufferPointer(start: bytes, count: byteCount)
    var steps = unsafe StepReader(Array(input))
    let driver = FuzzedDriver(device: steps.byte())
    while !steps.isAtEnd { driver.step(&steps) }
    driver.checkReset()
    return 0
}

/// SwiftPM gives an executable's entry its own name; this one hands over to libFuzzer's.
@_cdecl("fuzz_virtqueue_main")
public func enter(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runFuzzer(&count, &arguments, driveDevice)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
