public import Virtio

/// The 16550A chip: eight registers, a 16-byte receive FIFO, and a transmitter that is never busy. It depends
/// on no bus, lock, console or interrupt controller; its state is a plain value that can be saved and
/// restored.
///
/// Characters take no time here. The divisor is therefore only stored, and a receive FIFO below its trigger
/// level reports at once what the chip reports after four character times ("character timeout", 8.6).
public struct UART16550: Sendable {
    /// The number of bytes that the receiver holds with FIFOs on. With FIFOs off it holds one.
    public static let fifoByteCount = 16

    private var interruptEnable: UARTInterrupts = []
    private var fifoControl: UARTFIFOControl = []
    private var lineControl: UInt8 = 0
    private var modemControl: UARTModemControl = []
    private var modemStatus: UARTModemStatus = .connected
    private var scratch: UInt8 = 0
    private var divisor: UInt16 = 12  // 9,600 baud, as firmware leaves it
    private var received: [UInt8] = []
    private var hasOverrun = false
    /// Whether an empty transmitter is yet to be reported (THRE). Reading IIR clears it (8.6).
    private var transmitterEmptyPending = false
    /// The number of reads of LSR in a row, with no other register between, up to `pollerPolls`.
    private var polls: UInt8 = 0
    /// The number of polls in a row that only a program waiting for input makes: to send, one poll is enough.
    private static let pollerPolls: UInt8 = 16
    /// Whether a condition has arisen for which the interrupt line was not raised yet.
    private var hasNewInterrupt = false

    public init() {
        received.reserveCapacity(Self.fifoByteCount)
    }

    /// The number of bytes that the receiver takes without an overrun. It is 0 while the guest does not want
    /// to receive.
    public var freeByteCount: Int {
        isReceiving ? max(0, capacity - received.count) : 0
    }

    /// Whether bytes received now reach the guest's software.
    ///
    /// A kernel that probes and sets up the port empties its FIFO more than once, so bytes that arrive before
    /// it sets RTS would be lost. A program that ignores modem lines and only polls the line status receives
    /// bytes too.
    private var isReceiving: Bool {
        if modemControl.contains(.loopback) { return false }
        return modemControl.contains(.requestToSend) || polls >= Self.pollerPolls
    }

    /// Receives a byte from the wire. In loopback the wire is cut (8.8).
    public mutating func receive(_ byte: UInt8) {
        if !modemControl.contains(.loopback) { enqueue(byte) }
    }

    /// Returns whether the interrupt output rose since the last call.
    ///
    /// On the edge-triggered ISA line each new condition is an edge of its own, so a driver that serves one
    /// condition at a time misses none.
    public mutating func takeInterruptEdge() -> Bool {
        defer { hasNewInterrupt = false }
        return hasNewInterrupt && modemControl.contains(.output2)
    }

    /// Reads the register at `offset`. Only the low three bits of `offset` count.
    public mutating func read(_ offset: UInt8) -> UInt8 {
        let register = UARTRegister(rawValue: offset & 7)!
        polls = register == .lineStatus ? min(polls + 1, Self.pollerPolls) : 0
        return switch register {
        case .data: hasDivisorLatch ? UInt8(truncatingIfNeeded: divisor) : takeReceived()
        case .interruptEnable:
            hasDivisorLatch ? UInt8(truncatingIfNeeded: divisor >> 8) : interruptEnable.rawValue
        case .identificationOrFIFOControl: identifyInterrupt()
        case .lineControl: lineControl
        case .modemControl: modemControl.rawValue
        case .lineStatus: takeLineStatus()
        case .modemStatus: takeModemStatus()
        case .scratch: scratch
        }
    }

    /// Writes the register at `offset`; returns the byte that leaves the chip, if any.
    public mutating func write(_ value: UInt8, _ offset: UInt8) -> UInt8? {
        polls = 0
        switch UARTRegister(rawValue: offset & 7)! {
        case .data: return writeData(value)
        case .interruptEnable: writeInterruptEnable(value)
        case .identificationOrFIFOControl: writeFIFOControl(UARTFIFOControl(rawValue: value))
        case .lineControl: lineControl = value
        case .modemControl: writeModemControl(UARTModemControl(rawValue: value).intersection(.all))
        case .lineStatus, .modemStatus: break  // written only in the factory (8.4)
        case .scratch: scratch = value
        }
        return nil
    }
}

/// The data lines and the line status.
extension UART16550 {
    private var hasDivisorLatch: Bool { lineControl & 0x80 != 0 }
    private var capacity: Int { fifoControl.contains(.enable) ? Self.fifoByteCount : 1 }

    private mutating func takeReceived() -> UInt8 {
        received.isEmpty ? 0 : received.removeFirst()
    }

    private mutating func enqueue(_ byte: UInt8) {
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
    private mutating func writeData(_ value: UInt8) -> UInt8? {
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
    private mutating func takeLineStatus() -> UInt8 {
        var status: UARTLineStatus = [.transmitterHoldingEmpty, .transmitterEmpty]
        if !received.isEmpty { status.insert(.dataReady) }
        if hasOverrun { status.insert(.overrun) }
        hasOverrun = false
        return status.rawValue
    }

    private mutating func writeFIFOControl(_ value: UARTFIFOControl) {
        // Turning the FIFOs on or off empties them (8.5).
        let toggles = value.symmetricDifference(fifoControl).contains(.enable)
        if toggles || value.contains(.resetReceiver) { received.removeAll(keepingCapacity: true) }
        fifoControl = value.contains(.enable) ? value.intersection([.enable, .trigger]) : []
    }
}

/// The interrupt conditions (8.6, 8.7).
extension UART16550 {
    /// The conditions that hold now, enabled or not.
    private var conditions: UARTInterrupts {
        var result: UARTInterrupts = []
        if hasOverrun { result.insert(.lineStatus) }
        if !received.isEmpty { result.insert(.receivedData) }
        if transmitterEmptyPending { result.insert(.transmitterEmpty) }
        if !modemStatus.isDisjoint(with: .changes) { result.insert(.modemStatus) }
        return result
    }

    /// Reads IIR (8.6): the enabled condition with the highest priority. Reading "transmitter empty" clears
    /// it.
    private mutating func identifyInterrupt() -> UInt8 {
        let fifos: UInt8 = fifoControl.contains(.enable) ? 0xC0 : 0
        let pending = conditions.intersection(interruptEnable)
        if pending.contains(.lineStatus) { return fifos | 0x06 }
        if pending.contains(.receivedData) { return fifos | (isBelowTrigger ? 0x0C : 0x04) }
        if pending.contains(.transmitterEmpty) {
            transmitterEmptyPending = false
            return fifos | 0x02
        }
        return pending.contains(.modemStatus) ? fifos : fifos | 0x01
    }

    private var isBelowTrigger: Bool {
        fifoControl.contains(.enable) && received.count < fifoControl.triggerLevel
    }

    private mutating func writeInterruptEnable(_ value: UInt8) {
        if hasDivisorLatch {
            divisor = divisor & 0x00FF | UInt16(value) << 8
            return
        }
        let enabled = UARTInterrupts(rawValue: value).intersection(.all)
        let newlyEnabled = enabled.subtracting(interruptEnable)
        interruptEnable = enabled
        // Enabling THRE reports an empty transmitter again. Drivers use that to start their output.
        if newlyEnabled.contains(.transmitterEmpty) { transmitterEmptyPending = true }
        if !conditions.isDisjoint(with: newlyEnabled) { hasNewInterrupt = true }
    }

    /// Notes that these conditions have just arisen.
    private mutating func raise(_ arisen: UARTInterrupts) {
        if !interruptEnable.isDisjoint(with: arisen) { hasNewInterrupt = true }
    }
}

/// The modem lines.
extension UART16550 {
    /// Reads MSR (8.9), which clears the changes.
    private mutating func takeModemStatus() -> UInt8 {
        defer { modemStatus.subtract(.changes) }
        return modemStatus.rawValue
    }

    private mutating func writeModemControl(_ value: UARTModemControl) {
        // OUT2 opens the gate: a condition that is pending behind it becomes an edge.
        let opens = value.contains(.output2) && !modemControl.contains(.output2)
        modemControl = value
        updateModemInputs()
        if opens { raise(conditions) }
    }

    private mutating func updateModemInputs() {
        let (old, inputs) = (modemStatus.subtracting(.changes), modemControl.modemInputs)
        var changes = UARTModemStatus(rawValue: old.symmetricDifference(inputs).rawValue >> 4)
        // The ring indicator counts as changed only when it ends (TERI).
        if inputs.contains(.ring) { changes.remove(.ringEnded) }
        modemStatus = inputs.union(modemStatus.intersection(.changes)).union(changes)
        if !changes.isEmpty { raise(.modemStatus) }
    }
}

/// Save and restore.
extension UART16550 {
    public var state: State {
        var state = State()
        state.interruptEnable = interruptEnable.rawValue
        state.fifoControl = fifoControl.rawValue
        state.lineControl = lineControl
        state.modemControl = modemControl.rawValue
        state.modemStatus = modemStatus.rawValue
        state.scratch = scratch
        state.divisor = divisor
        state.received = received
        state.hasOverrun = hasOverrun
        state.transmitterEmptyPending = transmitterEmptyPending
        state.polls = polls
        state.hasNewInterrupt = hasNewInterrupt
        return state
    }

    /// Makes a chip in that state. Throws if no chip can be in it.
    public init(_ state: State) throws(SavedStateError) {
        self.init()
        interruptEnable = UARTInterrupts(rawValue: state.interruptEnable)
        fifoControl = UARTFIFOControl(rawValue: state.fifoControl)
        (lineControl, scratch, divisor) = (state.lineControl, state.scratch, state.divisor)
        modemControl = UARTModemControl(rawValue: state.modemControl)
        modemStatus = UARTModemStatus(rawValue: state.modemStatus)
        received += state.received
        (hasOverrun, hasNewInterrupt) = (state.hasOverrun, state.hasNewInterrupt)
        (transmitterEmptyPending, polls) = (state.transmitterEmptyPending, state.polls)
        try check()
    }

    private func check() throws(SavedStateError) {
        guard interruptEnable.isSubset(of: .all), modemControl.isSubset(of: .all),
            fifoControl.isSubset(of: [.enable, .trigger]),
            fifoControl.isEmpty || fifoControl.contains(.enable)
        else { throw .unfit("a register of the serial port has bits that do not exist") }
        guard modemStatus.subtracting(.changes) == modemControl.modemInputs else {
            throw .unfit("the serial port's modem lines contradict its modem control")
        }
        guard received.count <= capacity else {
            throw .unfit("the serial port's FIFO holds too many bytes")
        }
        guard polls <= Self.pollerPolls else {
            throw .unfit("the serial port has counted too many polls")
        }
    }
}
