import CLinux

/// The machine's power button: the input device that can send `KEY_POWER`.
struct PowerButton: ~Copyable {
    /// -1 where the machine has none: poll(2) passes over it, and nothing can be read from it.
    let descriptor: Descriptor

    init() {
        for number in 0..<8 {
            guard let device = try? Descriptor(opening: "/dev/input/event\(number)", O_RDONLY | O_NONBLOCK) else {
                break
            }
            if inputDeviceHasKey(device.number, UInt32(KEY_POWER)) {
                descriptor = device
                return
            }
        }
        descriptor = Descriptor(adopting: -1)
    }

    /// Takes all waiting events; whether one of them says that the button went down.
    func wasPressed() -> Bool {
        var wasPressed = false
        var event = input_event()
        while descriptor.read(into: &event) {
            if event.type == EV_KEY && event.code == KEY_POWER && event.value == 1 { wasPressed = true }
        }
        return wasPressed
    }
}
