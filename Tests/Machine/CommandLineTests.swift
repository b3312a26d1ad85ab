import Boot
import Testing

@testable import Machine

@Suite("The kernel's command line") struct CommandLineTests {
    private let description = MachineDescription(
        apicIDs: [0], virtioDevices: [MachineDescription.VirtioDevice(index: 0)], hasSerial: false)

    private func line(_ change: (inout MachineConfiguration) -> Void) -> String {
        var configuration = MachineConfiguration(kernel: "vmlinux")
        change(&configuration)
        return configuration.kernelCommandLine(on: description)
    }

    @Test func theDefaultNamesTheConsole() {
        #expect(line { _ in } == "console=hvc0 panic=-1")
        #expect(line { $0.console = .serial } == "console=ttyS0 panic=-1")
        #expect(line { $0.console = .none } == "panic=-1")
    }

    @Test func whatIsAppendedFollows() {
        #expect(line { $0.appendedCommandLine = "quiet -- true" } == "console=hvc0 panic=-1 quiet -- true")
        #expect(line { ($0.commandLine, $0.appendedCommandLine) = ("", "quiet") } == "quiet")
        #expect(line { $0.commandLine = "" } == "")
    }

    /// In front, because what follows `--` is init's.
    @Test func aKernelWithoutACPIIsToldOfItsDevices() {
        let words = "virtio_mmio.device=512@0xd0000000:6 "
        #expect(line { $0.commandLine = "acpi=off -- true" } == words + "acpi=off -- true")
        #expect(line { $0.commandLine = "quiet -- acpi=off" } == "quiet -- acpi=off")
    }

    /// As Linux reads it: quotes are no part of a word, and the last word about it counts.
    @Test(arguments: [
        ("acpi=\"off\"", true), ("\"acpi=off\"", true), ("quiet\tacpi=off", true),
        ("acpi=force acpi=off", true),
        ("acpi=off acpi=force", false), ("x=\"a acpi=off b\"", false), ("acpi=offline", false),
        ("acpi", false),
        ("\"--\" acpi=off", false), ("pacpi=off", false), ("acpi=of\"f\"", false),
    ])
    func acpiIsOff(line words: String, isOff: Bool) {
        let line = line { $0.commandLine = words }
        #expect(line.hasPrefix("virtio_mmio.device=") == isOff)
        #expect(line.hasSuffix(words))
    }

    @Test func aKernelThatWasBuiltWithoutACPIIsToldOfItsDevices() {
        var kernel = LinuxLoader.KernelTraits()
        kernel.acpi = .none
        let line = MachineConfiguration(kernel: "vmlinux").kernelCommandLine(on: description, for: kernel)
        #expect(line.hasPrefix("virtio_mmio.device=512@0xd0000000:6 "))
    }

    @Test func aKernelWhoseACPIFindsNoDevicesDoesWithoutIt() {
        var kernel = LinuxLoader.KernelTraits()
        kernel.acpi = .findsNoDevices
        var configuration = MachineConfiguration(kernel: "vmlinux")
        let line = configuration.kernelCommandLine(on: description, for: kernel)
        #expect(line.hasPrefix("virtio_mmio.device=512@0xd0000000:6 "))
        #expect(line.hasSuffix(" acpi=off " + configuration.defaultCommandLine))
        configuration.appendedCommandLine = "acpi=force"
        #expect(configuration.kernelCommandLine(on: description, for: kernel).hasPrefix("acpi=off "))
    }

    /// What came with the kernel comes after the default and counts therefore; the user replaces both.
    @Test func theCommandLineOfAUnifiedKernelIsUsed() {
        var kernel = LinuxLoader.KernelTraits()
        kernel.commandLine = "root=/dev/vda ro"
        var configuration = MachineConfiguration(kernel: "linux.efi")
        let standard = configuration.defaultCommandLine
        #expect(
            configuration.kernelCommandLine(on: description, for: kernel) == standard + " root=/dev/vda ro")
        configuration.appendedCommandLine = "quiet"
        #expect(
            configuration.kernelCommandLine(on: description, for: kernel)
                == standard + " root=/dev/vda ro quiet")
        configuration.commandLine = "mine"
        #expect(configuration.kernelCommandLine(on: description, for: kernel) == "mine quiet")
    }

    @Test(arguments: [
        ("no-kvmclock", true), ("quiet nopv -- sh", true), ("no-kvmclock-vsyscall", false),
        ("-- no-kvmclock", false),
        ("quiet", false),
    ])
    func aKernelWithoutKVMClockIsToldItsFrequency(line words: String, isTold: Bool) {
        var configuration = MachineConfiguration(kernel: "vmlinux")
        configuration.commandLine = words
        let line = configuration.kernelCommandLine(on: description, timeStampFrequency: { 2_600_000 })
        #expect(line == (isTold ? "tsc_early_khz=2600000 " : "") + words)
        #expect(configuration.kernelCommandLine(on: description) == words, "KVM does not tell")
    }
}
