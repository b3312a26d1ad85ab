import CLinux

/// The console: the kernel opens `/dev/console` as descriptors 0, 1 and 2 before it starts init.
enum Console {
    /// Opens descriptors 0, 1 and 2 again. `/dev` now hides the file that the kernel opened, so that
    /// ttyname(3) would not find it; and the kernel opened nothing if its root file system has no
    /// `/dev/console`. Without any console the descriptors are `/dev/null`.
    static func open() {
        guard let console = opened("/dev/console") ?? opened("/dev/null") else { return }
        for standard in Int32(0)...2 where standard != console {
            dup2(console, standard)
        }
        if console > 2 { close(console) }
    }

    /// Opens descriptors 0, 1 and 2 if the kernel has not, so that no other file gets these numbers.
    static func makeSure() {
        if !isOpen(2) { open() }
    }

    private static func opened(_ path: String) -> Int32? {
        let descriptor = unsafe openFile(path, O_RDWR | O_NOCTTY)
        return descriptor < 0 ? nil : descriptor
    }

    /// Prints one line of text, in one write so that the kernel's own lines do not split it.
    static func printLine(_ line: String) {
        var text = line + "\n"
        text.withUTF8 { bytes in _ = unsafe write(1, bytes.baseAddress, bytes.count) }
    }

    /// Waits until the console's driver has sent its output: a serial port would lose the rest when the
    /// machine ends. Gives up after a second if the reader has stopped.
    static func drain() {
        for _ in 0..<1000 where unsentByteCount(1) > 0 {
            usleep(1000)
        }
    }
}
