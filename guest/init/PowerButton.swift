import CLinux

/// The machine's power button: the input device that can send `KEY_POWER`.
struct PowerButton {
    /// -1 where the machine has none: poll(2) passes over it, and nothing can be read from it.
    let descriptor: Int32

    /// Input devices stay open to the end of the machine: the kernel makes whoever closes one wait until all CPUs
    /// have forgotten it, 16 ms.
    init() {
        var device: Int32 = -1
        for number in 0..<8 {
            device = unsafe openFile("/dev/input/event\(number)", O_RDONLY | O_NONBLOCK)
            if device < 0 || inputDeviceHasKey(device, UInt32(KEY_POWER)) { break }
        }
        descriptor = device
    }

    /// Takes all waiting events; whether one of them says that the button went down.
    func wasPressed() -> Bool {
        var wasPressed = false
        var event = input_event()
        while readRecord(from: descriptor, into: &event) {
            if event.type == EV_KEY && event.code == KEY_POWER && event.value == 1 { wasPressed = true }
        }
        return wasPressed
    }
}
