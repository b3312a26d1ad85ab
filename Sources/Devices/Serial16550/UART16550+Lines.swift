/// The data lines and the modem lines.
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

    /// Writes the data register. The byte leaves before the write returns, so the transmitter is empty again
    /// at once.
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

    /// Reads LSR (8.4), which clears an overrun.
    mutating func takeLineStatus() -> UInt8 {
        var status: UARTLineStatus = [.transmitterHoldingEmpty, .transmitterEmpty]
        if !received.isEmpty { status.insert(.dataReady) }
        if hasOverrun { status.insert(.overrun) }
        hasOverrun = false
        return status.rawValue
    }

    /// Reads MSR (8.9), which clears the changes.
    mutating func takeModemStatus() -> UInt8 {
        defer { modemStatus.subtract(.changes) }
        return modemStatus.rawValue
    }

    mutating func writeModemControl(_ value: UARTModemControl) {
        // OUT2 opens the gate: a condition that is pending behind it becomes an edge.
        let opens = value.contains(.output2) && !modemControl.contains(.output2)
        modemControl = value
        updateModemInputs()
        if opens { raise(conditions) }
    }

    /// Updates the modem inputs. In loopback each output drives an input: RTS CTS, DTR DSR, OUT1 RI, OUT2 DCD
    /// (8.8).
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
        // The ring indicator counts as changed only when it ends (TERI).
        if inputs.contains(.ring) { changes.remove(.ringEnded) }
        modemStatus = inputs.union(modemStatus.intersection(.changes)).union(changes)
        if !changes.isEmpty { raise(.modemStatus) }
    }
}
