import Boot
import Host
import Testing

@testable import Machine

@Suite("The console that a machine gets")
struct ConsoleChoiceTests {
    private static let debian: Set<BuiltInDriver> = [.earlyPrintk]
    private static let own: Set<BuiltInDriver> = [.virtioConsole]
    private static let ubuntu: Set<BuiltInDriver> = [.virtioConsole, .earlyPrintk]

    /// The configuration that a kernel with these drivers comes to.
    private func settled(
        _ drivers: Set<BuiltInDriver>, _ change: (inout MachineConfiguration) -> Void = { _ in }
    ) throws -> MachineConfiguration {
        var configuration = MachineConfiguration(kernel: "vmlinux")
        configuration.console = .automatic
        change(&configuration)
        try configuration.settleConsole { (driver) throws(Failure) in drivers.contains(driver) }
        return configuration
    }

    private func line(_ configuration: MachineConfiguration) -> String {
        configuration.kernelCommandLine(on: MachineDescription(apicIDs: [0]))
    }

    @Test("is the one that the kernel has a driver for from the start")
    func byDrivers() throws {
        #expect(line(try settled(Self.debian)) == "console=ttyS0 panic=-1")
        #expect(try settled(Self.debian).console == .serial)
        #expect(line(try settled(Self.own)) == "console=hvc0 panic=-1")
        #expect(try !settled(Self.own).hasEarlySerial)
        // What such a kernel says before its virtio console is there is seen too.
        #expect(line(try settled(Self.ubuntu)) == "earlyprintk=ttyS0,115200 console=hvc0 panic=-1")
        #expect(try settled(Self.ubuntu).hasEarlySerial)
    }

    @Test(
        "is the one that the user names",
        arguments: [
            ("console=ttyS0 quiet", MachineConfiguration.Console.serial),
            ("console=tty0 console=ttyS0,115200n8", .serial), ("console=uart8250,io,0x3f8", .serial),
            ("console=hvc0", .virtio), ("quiet console=hvc0 -- console=ttyS0", .virtio),
        ])
    func byName(words: String, kind: MachineConfiguration.Console) throws {
        for drivers in [Self.debian, Self.own, Self.ubuntu] {
            #expect(try settled(drivers) { $0.commandLine = words }.console == kind)
            #expect(try settled(drivers) { $0.appendedCommandLine = words }.console == kind)
        }
    }

    @Test("is the kernel's choice where the user names both, or none")
    func both() throws {
        for words in [
            "console=ttyS0 console=hvc0", "console=hvc0 console=ttyS0", "root=/dev/vda -- console=hvc0",
        ] {
            #expect(try settled(Self.debian) { $0.commandLine = words }.console == .serial)
            #expect(try settled(Self.own) { $0.commandLine = words }.console == .virtio)
        }
    }

    @Test("has a serial port beside it where the user names an early console there")
    func early() throws {
        for words in ["earlyprintk=serial,ttyS0,115200", "earlyprintk=ttyS0", "earlycon=uart8250,io,0x3f8"] {
            let configuration = try settled(Self.own) { $0.appendedCommandLine = words }
            #expect(configuration.console == .virtio && configuration.hasEarlySerial, "\(words)")
            #expect(line(configuration) == "earlyprintk=ttyS0,115200 console=hvc0 panic=-1 " + words)
        }
        // A command line of the user's own is left as it is.
        let own = try settled(Self.ubuntu) { $0.commandLine = "console=hvc0" }
        #expect(line(own) == "console=hvc0" && !own.hasEarlySerial)
    }

    @Test(
        "is what the user asks for, whatever the kernel has",
        arguments: [MachineConfiguration.Console.virtio, .serial, .none])
    func explicit(kind: MachineConfiguration.Console) throws {
        for drivers in [Self.debian, Self.own, Self.ubuntu, []] {
            let configuration = try settled(drivers) {
                ($0.console, $0.appendedCommandLine) = (kind, "console=hvc0")
            }
            #expect(configuration.console == kind && !configuration.hasEarlySerial)
        }
    }

    @Test("is spoken of where the command line names only others")
    func hint() throws {
        func hint(_ kind: MachineConfiguration.Console, _ line: String) throws -> String? {
            try settled(Self.own) { $0.console = kind }.missingConsoleHint(for: line)
        }
        #expect(try hint(.virtio, "console=ttyS0 quiet")?.contains("--console serial") == true)
        #expect(try hint(.serial, "console=hvc0")?.contains("--console virtio") == true)
        #expect(try hint(.none, "console=ttyS0")?.contains("--console serial") == true)
        #expect(try hint(.virtio, "console=tty0")?.contains("hvc0 or ttyS0") == true)
        for line in [
            "", "quiet", "console=tty0 console=hvc0", "console=null", "console=", "quiet -- console=ttyS0",
        ] {
            #expect(try hint(.virtio, line) == nil, "\(line)")
        }
        #expect(try hint(.serial, "console=uart8250,io,0x3f8") == nil)
        #expect(try hint(.virtio, "console=\u{1B}]0;x")?.contains("\u{1B}") == false)
    }
}
