import Devices

/// The output of a serial port that shows what a kernel prints before its virtio console is there. From the console's first
/// byte on the port is silent: whoever then writes to both writes it once.
final class EarlyOutput: SerialOutput {
    private let sink: ConsoleOutput
    private let console: VirtioConsole

    init(sink: ConsoleOutput, until console: VirtioConsole) {
        self.sink = sink
        self.console = console
    }

    func writeWaiting(_ byte: UInt8) {
        if !console.hasPrinted { sink.writeWaiting(byte) }
    }
}
