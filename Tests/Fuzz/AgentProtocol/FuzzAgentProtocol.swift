import AgentProtocol

/// The input's first byte says what is fuzzed with the rest: a stream of frames, as either side gets it; a session of
/// the agent's, step by step; or the image's files of users and groups.
@_cdecl("LLVMFuzzerTestOneInput")
public func speak(_ bytes: UnsafePointer<UInt8>, _ byteCount: Int) -> CInt {
    guard byteCount > 1 else { return -1 }
    let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: byteCount))
    let rest = input.dropFirst()
    switch input[0] % 3 {
    case 0: FuzzedStream.read(Array(rest))
    case 1:
        var session = FuzzedSession(Array(rest))
        session.run()
    default: FuzzedIdentity.find(rest)
    }
    return 0
}

/// SwiftPM gives an executable's entry its own name; this one hands over to libFuzzer's.
@_cdecl("fuzz_agent_protocol_main")
public func enter(_ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?) -> CInt {
    var count = count
    var arguments = unsafe arguments
    return unsafe runFuzzer(&count, &arguments, speak)
}

@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ body: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt
