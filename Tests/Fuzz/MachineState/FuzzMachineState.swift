import FuzzSupport
import Host

@testable import Machine

/// An input is the payload of a machine's state file: the checksum of a whole file would keep the fuzzer out.
/// It is refused, or decodes to a state that encodes to the same bytes. Each device in the state is then
/// restored, which may fail and does no harm.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, readState)
}

private func readState(_ input: [UInt8]) -> Verdict {
    guard let state = MachineState(payload: input[...]) else { return .welcome }
    var writer = ByteWriter(capacity: input.count)
    state.write(to: &writer)
    precondition(writer.bytes == input, "the state has other bytes than its input")
    let restore = FuzzedRestore(memory: input)
    if let serial = state.serial { restore.check(serial) }
    for device in state.devices { restore.check(device) }
    return .welcome
}
