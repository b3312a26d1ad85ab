import CLinux

// Init, process 1 of vmm's guests. It understands these words of the kernel's command line:
//
//     -- WORD...          the command; one word with spaces is a line for the shell; none means a shell
//     init.end=restart    reset the machine at the end instead of powering it off
//     -- vmm.agent [DEVICE]   be the agent of a container, whose image is on the device (/dev/pmem0)
//
// See guest/README.md for the rest.

@c(main)
public func main(_ count: Int32, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32 {
    if getpid() == 1, let name = unsafe arguments[0], unsafe strcmp(name, ContainerInit.name.cString) == 0 {
        ContainerInit.run()
    }
    guard getpid() == 1 else {
        Console.printLine("init: this program is process 1 of a virtual machine and does nothing elsewhere")
        return 1
    }
    BootMarker.userland.write()
    if let device = unsafe imageDevice(arguments) { Agent.run(device: device) }
    Mount.mountUsual()
    Console.open()
    bringUpLoopback()
    Console.printLine("ready \(secondsSinceBoot())")

    let commandLine = KernelCommandLine.running()
    let power: Power
    do throws(SystemError) {
        power = try run(Command(commandLine.command))
    } catch {
        Console.printLine("init: cannot start a process: \(error.reason)")
        power = .off
    }
    (commandLine.contains("init.end=restart") ? .restart : power).end()
}

/// Returns the device after the word `vmm.agent`, or the default device; nil without that word. Init's own
/// arguments hold the words after `--` and parameters that the kernel does not know, and nothing has to be
/// mounted to read them.
private func imageDevice(_ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> String? {
    var index = 1
    while let word = unsafe arguments[index] {
        index += 1
        guard unsafe strcmp(word, "vmm.agent") == 0 else { continue }
        return unsafe arguments[index].map { unsafe String(cString: $0) } ?? "/dev/pmem0"
    }
    return nil
}

/// Runs the command until it ends or something asks the machine to end. Returns how the machine is to end.
private func run(_ command: Command) throws(SystemError) -> Power {
    let supervisor = try Supervisor()
    Command.prepareEnvironment()
    let outcome = supervisor.wait(for: try command.start())
    supervisor.endAllProcesses()
    switch outcome {
    case .asked(let power): return power
    case .ended(let status):
        report(status)
        return .off
    }
}

private func report(_ status: Int32) {
    if !hasExited(status) {
        Console.printLine("init: the command was ended by signal \(endingSignal(status))")
    } else if exitStatus(status) != 0 {
        Console.printLine("init: the command ended with status \(exitStatus(status))")
    }
}

private func bringUpLoopback() {
    if unsafe bringUpInterface("lo") < 0 && lastError() != ENODEV {
        Console.printLine("init: cannot bring up the interface lo: \(SystemError.last.reason)")
    }
}

/// Returns the uptime of this kernel, in seconds with three decimals.
private func secondsSinceBoot() -> String {
    var now = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &now)
    let fraction = String(1000 + now.tv_nsec / 1_000_000).utf8.dropFirst()
    return "\(now.tv_sec).\(String(decoding: Array(fraction), as: UTF8.self)) s"
}

/// A boot marker: one byte to a port, whose write the monitor time-stamps. If nothing listens at the port,
/// the write has no effect.
enum BootMarker: UInt8 {
    /// User space has begun.
    case userland = 1

    private static let port: UInt16 = 0x700

    func write() {
        guard ioperm(UInt(BootMarker.port), 1, 1) == 0 else { return }
        writePort(BootMarker.port, rawValue)
        // Children inherit port permissions across fork and exec, so init drops the permission.
        ioperm(UInt(BootMarker.port), 1, 0)
    }
}
