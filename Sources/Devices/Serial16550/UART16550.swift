/// The 16550A chip: eight registers, a 16-byte receive FIFO, and a transmitter that is never busy. It depends
/// on no bus, lock, console or interrupt controller; its state is a plain value that can be saved and
/// restored.
///
/// Characters take no time here. The divisor is therefore only stored, and a receive FIFO below its trigger
/// level reports at once what the chip reports after four character times ("character timeout", 8.6).
public struct UART16550: Sendable {
    /// The number of bytes that the receiver holds with FIFOs on. With FIFOs off it holds one.
    public static let fifoByteCount = 16

    var interruptEnable: UARTInterrupts = []
    var fifoControl: UARTFIFOControl = []
    var lineControl: UInt8 = 0
    var modemControl: UARTModemControl = []
    var modemStatus: UARTModemStatus = .connected
    var scratch: UInt8 = 0
    var divisor: UInt16 = 12  // 9,600 baud, as firmware leaves it
    var received: [UInt8] = []
    var hasOverrun = false
    /// Whether an empty transmitter is yet to be reported (THRE). Reading IIR clears it (8.6).
    var transmitterEmptyPending = false
    /// The number of reads of LSR in a row, with no other register between, up to `pollerPolls`.
    var polls = 0
    /// The number of polls in a row that only a program waiting for input makes: to send, one poll is enough.
    static let pollerPolls = 16
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

extension UART16550 {
    var hasDivisorLatch: Bool { lineControl & 0x80 != 0 }
    var capacity: Int { fifoControl.contains(.enable) ? Self.fifoByteCount : 1 }

    /// The conditions that hold now, enabled or not.
    var conditions: UARTInterrupts {
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

    private mutating func writeFIFOControl(_ value: UARTFIFOControl) {
        // Turning the FIFOs on or off empties them (8.5).
        let toggles = value.symmetricDifference(fifoControl).contains(.enable)
        if toggles || value.contains(.resetReceiver) { received.removeAll(keepingCapacity: true) }
        fifoControl = value.contains(.enable) ? value.intersection([.enable, .trigger]) : []
    }

    /// Notes that these conditions have just arisen.
    mutating func raise(_ arisen: UARTInterrupts) {
        if !interruptEnable.isDisjoint(with: arisen) { hasNewInterrupt = true }
    }
}
