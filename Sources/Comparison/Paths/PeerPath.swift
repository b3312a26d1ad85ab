import Containers
import Host
import Measure

/// Firecracker and QEMU's microvm, with vmm's guest kernel and the image as a read-only disk, which the
/// kernel mounts as its root.
///
/// The command is process 1 of the guest. At its end the kernel panics and resets the VM: without an agent,
/// no other end works for every image. So the exit status of the command is unknown; the path is only
/// started, and nothing is measured inside.
final class PeerPath: RuntimePath {
    enum Kind: String {
        case firecracker, qemu
    }

    let name: String
    let version: String
    let executables: [String]
    let hasOwnKernel = true
    let runsOursInside = false
    private let kind: Kind
    private let program: String
    private let kernel: String
    private let context: PathContext
    private var disk = ""

    var description: String {
        "the same kernel as vmm run, the image as a read-only disk, the command as process 1 and a reset at its end: no "
            + "agent, no writable layer, and its exit status is not known"
    }

    init(_ kind: Kind, program: String, version: String, kernel: String, _ context: PathContext) {
        self.kind = kind
        name = kind.rawValue
        self.program = program
        self.version = version
        self.kernel = kernel
        self.context = context
        executables = [program]
    }

    /// Concatenates the files of the image to one disk, each padded to a page (`Image.files`).
    func prepare(_ subject: Subject) throws(Failure) {
        guard !subject.files.isEmpty else {
            throw Failure(.unavailable, "cannot give \(name) a disk", because: "this image is in no store")
        }
        disk = try context.workspace.directory(name) + "/disk"
        try FileCopy.concatenate(subject.files, to: disk, padding: 4096)
    }

    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure) {
        guard kind == .firecracker else { return }
        let words = parameters(instance.subject, command)
        let configuration = JSON.object([
            (
                "boot-source",
                .object([("kernel_image_path", .string(kernel)), ("boot_args", .string(words))])
            ),
            (
                "drives",
                .array([
                    .object([
                        ("drive_id", .string("root")), ("path_on_host", .string(disk)),
                        ("is_root_device", .boolean(false)), ("is_read_only", .boolean(true)),
                    ])
                ])
            ),
            ("machine-config", .object([("vcpu_count", .integer(1)), ("mem_size_mib", .integer(256))])),
        ])
        try WholeFile.write(configuration.text(), to: instance.directory + "/machine.json")
    }

    /// Makes the kernel's command line. An argument with a space is quoted.
    private func parameters(_ subject: Subject, _ command: [String]) -> String {
        let program = subject.program(command[0]) ?? command[0]
        let words = command.dropFirst().map { $0.contains(" ") ? "\"\($0)\"" : $0 }
        let usual =
            "console=ttyS0 reboot=k panic=-1 quiet loglevel=0 root=/dev/vda rootfstype=erofs ro init=\(program)"
        let own = kind == .firecracker ? "pci=off i8042.noaux i8042.nomux i8042.dumbkbd" : ""
        return ([usual, own, context.append ?? "", "--"] + words).filter { !$0.isEmpty }.joined(
            separator: " ")
    }

    func launch(_ instance: Instance, _ command: [String]) -> Launch {
        let words =
            switch kind {
            case .firecracker:
                // Firecracker's log would be the first bytes of the output.
                [
                    "--no-api", "--config-file", instance.directory + "/machine.json", "--id", "compare",
                    "--level",
                    "Error",
                ]
            case .qemu:
                [
                    "-M", "microvm,x-option-roms=off,isa-serial=on,rtc=off,pit=off,pic=off", "-bios",
                    "/usr/share/qemu/bios-microvm.bin", "-enable-kvm", "-cpu", "host", "-smp", "1", "-m",
                    "256",
                    "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
                    "-kernel",
                    kernel, "-append", parameters(instance.subject, command), "-drive",
                    "id=root,file=\(disk),format=raw,if=none,readonly=on", "-device",
                    "virtio-blk-device,drive=root",
                ]
            }
        return Launch([program] + words, environment: context.environment)
    }

    func cleanUp(_ instance: Instance, _ outcome: Outcome?) {}
    func imageByteCount(_ subject: Subject) -> Int? { subject.storedByteCount }
}
