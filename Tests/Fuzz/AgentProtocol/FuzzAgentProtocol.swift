import AgentProtocol
import FuzzSupport

/// The input's first byte says what is fuzzed with the rest: a stream of frames, as either side gets it; a
/// session of the agent's, step by step; or the image's files of users and groups.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    unsafe fuzz(bytes, byteCount, speak)
}

private func speak(_ input: [UInt8]) -> Verdict {
    guard input.count > 1 else { return .unwanted }
    let rest = input.dropFirst()
    switch input[0] % 3 {
    case 0: FuzzedStream.read(Array(rest))
    case 1:
        var session = FuzzedSession(Array(rest))
        session.run()
    default: FuzzedIdentity.find(rest)
    }
    return .welcome
}
