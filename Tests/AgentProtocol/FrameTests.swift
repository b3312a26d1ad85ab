import AgentProtocol
import Testing

@Suite struct FrameTests {
    @Test("a process's specification arrives intact, however its bytes are split")
    func processSpecification() throws {
        var sent = ProcessSpecification(
            arguments: ["/bin/sh", "-c", "echo é"], environment: ["A=1"],
            capabilities: .init(0xA804_25FB))
        sent.terminal = TerminalSize(columns: 100, rows: 30)
        sent.limits = [.init(resource: 7, soft: 1024, hard: .max)]
        sent.groups = ["audio", "7"]
        sent.hasInput = true
        let bytes = Frame.bytes(FrameHeader(.start, process: 3), sent)

        var parser = FrameParser()
        var frames: [Frame] = []
        for byte in bytes {
            parser.append([byte])
            if let frame = try parser.next() { frames.append(frame) }
        }
        let frame = try #require(frames.first)
        #expect(frames.count == 1 && frame.header.kind == .start && frame.header.process == 3)
        let received = try frame.value(ProcessSpecification.self)
        #expect(received.arguments == sent.arguments && received.groups == sent.groups)
        #expect(received.terminal?.columns == 100 && received.hasInput)
        #expect(received.limits.first?.hard == .max && received.capabilities.bounding == 0xA804_25FB)
    }

    @Test("a container's specification arrives intact")
    func container() throws {
        var sent = ContainerSpecification(hostname: "h", writable: .memory(byteLimit: 5))
        sent.isPrivileged = true
        sent.kernelParameters = [.init("vm/a", "1 2"), .init("b", "", isRequired: true)]
        sent.readOnlyPaths = ["/x"]
        sent.devices = [.init(path: "/dev/fuse", major: 10, minor: 229)]
        let bytes = Frame.bytes(FrameHeader(.container), sent)
        let frame = Frame(FrameHeader(.container), payload: Array(bytes.dropFirst(FrameHeader.byteCount)))
        let received = try frame.value(ContainerSpecification.self)
        #expect(received.isPrivileged && received.kernelParameters == sent.kernelParameters)
        #expect(received.devices == sent.devices)
        #expect(received.readOnlyPaths == ["/x"] && !received.firstProcessIsInit)
    }

    @Test("a payload that is truncated, too long, or has a wrong count is refused")
    func malformed() throws {
        let whole = Frame.bytes(FrameHeader(.start), ContainerSpecification(hostname: "h", writable: .none))
        let payload = Array(whole.dropFirst(FrameHeader.byteCount))
        let absurd: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0]
        for bytes in [Array(payload.dropLast()), payload + [0], absurd, []] {
            let frame = Frame(FrameHeader(.container), payload: bytes)
            #expect(throws: ProtocolError.self) { try frame.value(ContainerSpecification.self) }
        }
    }

    @Test(
        "an invalid header is refused",
        arguments: [
            [UInt8]([0, 0, 0, 0, 99, 0, 0, 0]), [0, 0, 0, 0, 32, 9, 0, 0],
            [0xFF, 0xFF, 0xFF, 0xFF, 32, 0, 0, 0],
            [1, 0x80, 0, 0, 32, 1, 0, 0],
        ])
    func header(bytes: [UInt8]) {
        var parser = FrameParser()
        parser.append(bytes)
        #expect(throws: ProtocolError.self) { try parser.next() }
    }
}
