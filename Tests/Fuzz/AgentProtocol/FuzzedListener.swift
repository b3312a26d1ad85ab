import AgentProtocol

/// What a monitor that believes nothing makes of what the agent says.
struct FuzzedListener {
    struct Stream: Hashable {
        let process: UInt16
        let kind: StreamKind

        init(_ process: UInt16, _ kind: StreamKind) {
            self.process = process
            self.kind = kind
        }
    }

    /// What the agent may still send.
    var outputCredit: [Stream: Int] = [:]
    /// What may still be sent to the agent.
    var inputCredit: [UInt16: Int] = [:]
    private var parser = FrameParser()
    private var hasHello = false
    /// The steps of the set-up that the agent has reported.
    private var steps: [FrameKind] = []

    mutating func hear(_ bytes: [UInt8]) {
        parser.append(bytes)
        do {
            while let frame = try parser.next() { take(frame) }
        } catch {
            preconditionFailure("the agent breaks the protocol: \(error)")
        }
    }

    mutating func giveInputCredit(_ process: UInt16) { inputCredit[process] = Credit.initial }

    /// Its number is free.
    mutating func forget(_ process: UInt16) {
        inputCredit[process] = nil
        outputCredit[Stream(process, .output)] = nil
        outputCredit[Stream(process, .error)] = nil
    }

    private mutating func take(_ frame: Frame) {
        let process = frame.header.process
        precondition(hasHello == (frame.header.kind != .hello), "hello comes first, and once")
        hasHello = true
        switch frame.header.kind {
        case .data:
            let stream = Stream(process, frame.header.stream)
            let credit = outputCredit[stream, default: Credit.initial] - frame.payload.count
            precondition(!frame.payload.isEmpty && credit >= 0, "more than there is credit for")
            outputCredit[stream] = credit
        case .credit:
            guard let credit = try? frame.value(Credit.self) else { preconditionFailure("no credit") }
            inputCredit[process, default: 0] += Int(credit.byteCount)
            precondition(inputCredit[process, default: 0] <= Credit.initial, "more credit than was used")
        case .prepared, .identified:
            precondition(
                steps.last != frame.header.kind && !steps.contains(.identified), "a step out of order")
            precondition(frame.header.kind == .prepared || steps == [.prepared], "an identity too early")
            steps.append(frame.header.kind)
        case .started:
            precondition(steps == [.prepared, .identified], "a process in a guest without identity")
        case .hello, .failed, .exited, .log, .outOfMemory, .end: break
        case .container, .start, .signal, .resize, .shutdown, .prepare, .identity:
            preconditionFailure("not for an agent to say")
        }
    }
}
