import Host

/// Firecracker, as its guide recommends to run it. It supports no power-off, so its guest ends by a reset.
struct Firecracker {
    private let program: String
    private let configuration: String

    /// Stages Firecracker. Nil if it is not available: the report then lacks its rows.
    init?(_ stage: Stage) throws(Failure) {
        let source = "build/peers/firecracker"
        guard FileStatus(of: source) != nil else { return nil }
        program = try stage.copy(source)
        configuration = stage.path("firecracker.json")
    }

    /// Writes the configuration, and returns the command line. `command` runs in the guest.
    func words(
        _ linux: Stage.Linux, initramfs: String, command: String, drives: [JSON] = []
    ) throws(Failure) -> [String] {
        let parameters = "console=ttyS0 reboot=k panic=-1 pci=off i8042.noaux i8042.nomux i8042.dumbkbd quiet"
        let machine = JSON.object([
            (
                "boot-source",
                .object([
                    ("kernel_image_path", .string(linux.kernel)), ("initrd_path", .string(initramfs)),
                    ("boot_args", .string("\(parameters) init.end=restart -- \(command)")),
                ])
            ),
            ("drives", .array(drives)),
            ("machine-config", .object([("vcpu_count", .integer(1)), ("mem_size_mib", .integer(256))])),
        ])
        try WholeFile.write(machine.text() + "\n", to: configuration)
        return [program, "--no-api", "--config-file", configuration, "--id", "bench"]
    }
}
