public import Host

extension UART16550 {
    /// The chip's state between two accesses: the registers as numbers, and what lies behind them.
    public struct State: Hashable, Sendable {
        public var interruptEnable: UInt8 = 0
        public var fifoControl: UInt8 = 0
        public var lineControl: UInt8 = 0
        public var modemControl: UInt8 = 0
        public var modemStatus: UInt8 = 0
        public var scratch: UInt8 = 0
        public var divisor: UInt16 = 0
        /// The bytes that the guest has yet to read, oldest first.
        public var received: [UInt8] = []
        public var hasOverrun = false
        public var transmitterEmptyPending = false
        public var polls: UInt8 = 0
        public var hasNewInterrupt = false

        public init() {}
    }
}

extension UART16550.State: ByteValue {
    public func write(to writer: inout ByteWriter) {
        for register in [interruptEnable, fifoControl, lineControl, modemControl, modemStatus, scratch] {
            writer.u8(register)
        }
        writer.u16(divisor)
        writer.bytes(received)
        writer.flag(hasOverrun)
        writer.flag(transmitterEmptyPending)
        writer.u8(polls)
        writer.flag(hasNewInterrupt)
    }

    public init?(from reader: inout ByteReader) {
        guard let interruptEnable = reader.u8(), let fifoControl = reader.u8(),
            let lineControl = reader.u8(), let modemControl = reader.u8(), let modemStatus = reader.u8(),
            let scratch = reader.u8(), let divisor = reader.u16(),
            let received = reader.bytes(atMost: UART16550.fifoByteCount), let hasOverrun = reader.flag(),
            let transmitterEmptyPending = reader.flag(), let polls = reader.u8(),
            let hasNewInterrupt = reader.flag()
        else { return nil }
        (self.interruptEnable, self.fifoControl) = (interruptEnable, fifoControl)
        (self.lineControl, self.modemControl) = (lineControl, modemControl)
        (self.modemStatus, self.scratch) = (modemStatus, scratch)
        (self.divisor, self.received) = (divisor, received)
        (self.hasOverrun, self.hasNewInterrupt) = (hasOverrun, hasNewInterrupt)
        (self.transmitterEmptyPending, self.polls) = (transmitterEmptyPending, polls)
    }
}
