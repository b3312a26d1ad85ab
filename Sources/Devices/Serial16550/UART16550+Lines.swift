/// Both data lines and the modem lines.
extension UART16550 {
    mutating func takeReceived() -> UInt8 {
        received.isEmpty ? 0 : received.removeFirst()
    }

    mutating func enqueue(_ byte: UInt8) {
        if received.count < capacity {
            received.append(byte)
            raise(.receivedData)
        } else {
            hasOverrun = true
            raise(.lineStatus)
        }
    }

    /// The byte has left before the write returns: the transmitter is empty again.
    mutating func writeData(_ value: UInt8) -> UInt8? {
        if hasDivisorLatch {
            divisor = divisor & 0xFF00 | UInt16(value)
            return nil
        }
        transmitterEmptyPending = true
        raise(.transmitterEmpty)
        guard modemControl.contains(.loopback) else { return value }
        enqueue(value)
        return nil
    }

    /// LSR (8.4); reading it forgets an overrun.
    mutating func takeLineStatus() -> UInt8 {
        var status: UARTLineStatus = [.transmitterHoldingEmpty, .transmitterEmpty]
        if !received.isEmpty { status.insert(.dataReady) }
        if hasOverrun { status.insert(.overrun) }
        hasOverrun = false
        return status.rawValue
    }

    /// MSR (8.9); reading it forgets the changes.
    mutating func takeModemStatus() -> UInt8 {
        defer { modemStatus.subtract(.changes) }
        return modemStatus.rawValue
    }

    mutating func writeModemControl(_ value: UARTModemControl) {
        // OUT2 opens the gate: a condition that is waiting behind it comes out as an edge.
        let opens = value.contains(.output2) && !modemControl.contains(.output2)
        modemControl = value
        updateModemInputs()
        if opens { raise(conditions) }
    }

    /// In loopback the outputs are the inputs: RTS is CTS, DTR is DSR, OUT1 is RI, OUT2 is DCD (8.8).
    private mutating func updateModemInputs() {
        var inputs = UARTModemStatus.connected
        if modemControl.contains(.loopback) {
            inputs = []
            if modemControl.contains(.requestToSend) { inputs.insert(.clearToSend) }
            if modemControl.contains(.dataTerminalReady) { inputs.insert(.dataSetReady) }
            if modemControl.contains(.output1) { inputs.insert(.ring) }
            if modemControl.contains(.output2) { inputs.insert(.carrier) }
        }
        let old = modemStatus.subtracting(.changes)
        var changes = UARTModemStatus(rawValue: old.symmetricDifference(inputs).rawValue >> 4)
        // The ring indicator counts only when it ends (TERI).
        if inputs.contains(.ring) { changes.remove(.ringEnded) }
        modemStatus = inputs.union(modemStatus.intersection(.changes)).union(changes)
        if !changes.isEmpty { raise(.modemStatus) }
    }
}
