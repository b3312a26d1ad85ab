import AgentProtocol
import Host

/// Frames from anywhere: each is refused or read, and what was read is the same when it is written and read
/// again.
enum FuzzedStream {
    /// The first byte is how the stream is cut.
    static func read(_ input: [UInt8]) {
        guard let first = input.first else { return }
        let pieceByteCount = Int(first) + 1
        let bytes = input.dropFirst()
        var parser = FrameParser()
        var start = bytes.startIndex
        while start < bytes.endIndex {
            let end = min(start + pieceByteCount, bytes.endIndex)
            parser.append(bytes[start..<end])
            start = end
            do {
                while let frame = try parser.next() { check(frame) }
            } catch {
                return
            }
        }
    }

    private static func check(_ frame: Frame) {
        precondition(frame.payload.count == frame.header.payloadByteCount)
        precondition(frame.payload.count <= FrameHeader.payloadLimit(frame.header.kind))
        switch frame.header.kind {
        case .hello: check(frame, Hello.self)
        case .prepare: check(frame, Preparation.self)
        case .identity: check(frame, GuestIdentity.self)
        case .container: check(frame, ContainerSpecification.self)
        case .start: check(frame, ProcessSpecification.self)
        case .signal: check(frame, Signal.self)
        case .resize: check(frame, TerminalSize.self)
        case .failed: check(frame, StartFailure.self)
        case .exited: check(frame, ExitStatus.self)
        case .credit: check(frame, Credit.self)
        case .outOfMemory: check(frame, OutOfMemory.self)
        case .shutdown, .prepared, .identified, .started, .log, .data, .end: break
        }
    }

    /// Text that is no UTF-8 is mended as it is read, so that only the second round gives the same bytes as
    /// the first.
    private static func check<Value: ByteValue>(_ frame: Frame, _: Value.Type) {
        guard let value = try? frame.value(Value.self) else { return }
        let once = Frame.bytes(frame.header, value)
        let again = Frame(frame.header, payload: Array(once.dropFirst(FrameHeader.byteCount)))
        guard let same = try? again.value(Value.self) else {
            preconditionFailure("written, but not readable")
        }
        precondition(Frame.bytes(frame.header, same) == once, "not the same when written again")
    }
}
