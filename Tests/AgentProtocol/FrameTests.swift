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

    @Test("an identity arrives intact, and one with an impossible time is refused")
    func identity() throws {
        var seed = InlineArray<64, UInt8>(repeating: 0)
        for index in seed.indices { seed[index] = UInt8(index) }
        let sent = GuestIdentity(seed: seed, seconds: 1_700_000_000, nanoseconds: 999_999_999)
        var parser = FrameParser()
        parser.append(Frame.bytes(FrameHeader(.identity), sent))
        let frame = try #require(try parser.next())
        #expect(frame.payload.count == GuestIdentity.byteCount)
        let received = try frame.value(GuestIdentity.self)
        #expect(received.seconds == sent.seconds && received.nanoseconds == sent.nanoseconds)
        for index in seed.indices { #expect(received.seed[index] == UInt8(index)) }
        for (seconds, nanoseconds) in [(UInt64(1) << 63, UInt32(0)), (1, 1_000_000_000)] {
            let bad = GuestIdentity(seed: seed, seconds: seconds, nanoseconds: nanoseconds)
            let bytes = Frame.bytes(FrameHeader(.identity), bad).dropFirst(FrameHeader.byteCount)
            let frame = Frame(FrameHeader(.identity), payload: Array(bytes))
            #expect(throws: ProtocolError.self) { try frame.value(GuestIdentity.self) }
        }
    }

    @Test("the preparation has the layer of the container")
    func preparation() throws {
        for (writable, layer) in [
            (.none, .memory), (.memory(byteLimit: 7), .memory), (.disk, .disk),
        ] as [(ContainerSpecification.Writable, Preparation.Layer)] {
            let sent = Preparation(for: ContainerSpecification(hostname: "h", writable: writable))
            let bytes = Frame.bytes(FrameHeader(.prepare), sent).dropFirst(FrameHeader.byteCount)
            let frame = Frame(FrameHeader(.prepare), payload: Array(bytes))
            #expect(try frame.value(Preparation.self).layer == layer)
        }
        let unknown = Frame(FrameHeader(.prepare), payload: [2])
        #expect(throws: ProtocolError.self) { try unknown.value(Preparation.self) }
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
            [1, 0x80, 0, 0, 32, 1, 0, 0], [77, 0, 0, 0, 8, 0, 0, 0],
        ])
    func header(bytes: [UInt8]) {
        var parser = FrameParser()
        parser.append(bytes)
        #expect(throws: ProtocolError.self) { try parser.next() }
    }
}
