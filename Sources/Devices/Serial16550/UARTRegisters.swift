/// The registers by their offsets (National Semiconductor PC16550D, 8.0). Three offsets have two registers
/// each: offsets 0 and 1 are the divisor latch while LCR.DLAB is set, and offset 2 reads as IIR and is
/// written as FCR.
enum UARTRegister: UInt8 {
    case data = 0
    case interruptEnable = 1
    case identificationOrFIFOControl = 2
    case lineControl = 3
    case modemControl = 4
    case lineStatus = 5
    case modemStatus = 6
    case scratch = 7
}

/// The four conditions that can interrupt, each by its enable bit in IER (8.7).
struct UARTInterrupts: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let receivedData = UARTInterrupts(rawValue: 1 << 0)
    static let transmitterEmpty = UARTInterrupts(rawValue: 1 << 1)
    static let lineStatus = UARTInterrupts(rawValue: 1 << 2)
    static let modemStatus = UARTInterrupts(rawValue: 1 << 3)
    static let all: UARTInterrupts = [.receivedData, .transmitterEmpty, .lineStatus, .modemStatus]
}

/// LSR (8.4).
struct UARTLineStatus: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let dataReady = UARTLineStatus(rawValue: 1 << 0)
    static let overrun = UARTLineStatus(rawValue: 1 << 1)
    static let transmitterHoldingEmpty = UARTLineStatus(rawValue: 1 << 5)
    static let transmitterEmpty = UARTLineStatus(rawValue: 1 << 6)
}

/// MCR (8.8).
struct UARTModemControl: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let dataTerminalReady = UARTModemControl(rawValue: 1 << 0)
    static let requestToSend = UARTModemControl(rawValue: 1 << 1)
    static let output1 = UARTModemControl(rawValue: 1 << 2)
    /// OUT2. On a PC this output gates the chip's interrupt.
    static let output2 = UARTModemControl(rawValue: 1 << 3)
    static let loopback = UARTModemControl(rawValue: 1 << 4)
    static let all = UARTModemControl(rawValue: 0x1F)

    /// The modem inputs under these outputs. In loopback each output drives an input: RTS CTS, DTR DSR, OUT1
    /// RI, OUT2 DCD (8.8). Otherwise they are those of a peer that is always ready.
    var modemInputs: UARTModemStatus {
        guard contains(.loopback) else { return .connected }
        var inputs: UARTModemStatus = []
        if contains(.requestToSend) { inputs.insert(.clearToSend) }
        if contains(.dataTerminalReady) { inputs.insert(.dataSetReady) }
        if contains(.output1) { inputs.insert(.ring) }
        if contains(.output2) { inputs.insert(.carrier) }
        return inputs
    }
}

/// MSR (8.9): the inputs, and in the low bits the inputs that have changed since the last read.
struct UARTModemStatus: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let ringEnded = UARTModemStatus(rawValue: 1 << 2)
    static let clearToSend = UARTModemStatus(rawValue: 1 << 4)
    static let dataSetReady = UARTModemStatus(rawValue: 1 << 5)
    static let ring = UARTModemStatus(rawValue: 1 << 6)
    static let carrier = UARTModemStatus(rawValue: 1 << 7)
    /// The inputs of a peer that is always connected and ready.
    static let connected: UARTModemStatus = [.clearToSend, .dataSetReady, .carrier]
    static let changes = UARTModemStatus(rawValue: 0x0F)
}

/// FCR (8.5).
struct UARTFIFOControl: OptionSet, Hashable, Sendable {
    let rawValue: UInt8

    static let enable = UARTFIFOControl(rawValue: 1 << 0)
    static let resetReceiver = UARTFIFOControl(rawValue: 1 << 1)
    /// Bits 7:6: the number of received bytes at which the receiver interrupts.
    static let trigger = UARTFIFOControl(rawValue: 3 << 6)

    var triggerLevel: Int {
        switch rawValue >> 6 {
        case 0: 1
        case 1: 4
        case 2: 8
        default: 14
        }
    }
}
