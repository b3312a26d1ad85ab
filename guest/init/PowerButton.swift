import CLinux

/// The machine's power button: the input device that can send `KEY_POWER`.
struct PowerButton {
    /// The descriptor, or -1 if the machine has no such device: poll(2) ignores it, and nothing can be read
    /// from it.
    let descriptor: Int32

    /// Opens the input devices up to the one with the button. They stay open until the machine ends: a close
    /// of one waits until all CPUs have forgotten it, 16 ms.
    init() {
        var device: Int32 = -1
        for number in 0..<8 {
            device = unsafe openFile("/dev/input/event\(number)", O_RDONLY | O_NONBLOCK)
            if device < 0 || inputDeviceHasKey(device, UInt32(KEY_POWER)) { break }
        }
        descriptor = device
    }

    /// Reads all waiting events. Returns whether one of them is a press of the button.
    func wasPressed() -> Bool {
        var wasPressed = false
        var event = input_event()
        while readRecord(from: descriptor, into: &event) {
            if event.type == EV_KEY && event.code == KEY_POWER && event.value == 1 { wasPressed = true }
        }
        return wasPressed
    }
}
