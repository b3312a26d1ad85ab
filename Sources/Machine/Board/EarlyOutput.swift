import Devices

/// The output of a serial port that shows the kernel's messages until the virtio console prints its first
/// byte.
///
/// From then on the port discards its output, so that a kernel that writes to both consoles prints each
/// message once.
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
