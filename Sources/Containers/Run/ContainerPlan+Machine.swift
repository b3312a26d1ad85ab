import AgentProtocol
import Cgroups
public import Images
public import Machine

extension ContainerPlan {
    /// The machine of the container: its image is persistent memory, its kernel's console is kept for the case that it
    /// fails, and a disk that it writes to is `disk`.
    public func machine(_ files: GuestFiles, image: Image, disk: String?, append: String?)
        -> MachineConfiguration
    {
        var machine = MachineConfiguration(kernel: files.kernel)
        machine.initramfs = [files.initramfs]
        machine.memoryByteCount = memoryByteCount
        machine.cpuCount = cpuCount
        machine.persistentMemory = image.files
        machine.console = .serial
        machine.keepsConsole = true
        machine.commandLine = commandLine(append)
        if let disk {
            var writable = DiskConfiguration(path: disk)
            writable.identifier = "writable"
            machine.disks = [writable]
        }
        return machine
    }

    /// The kernel's own threads, which its limit counts too.
    private static let kernelThreadCount: UInt64 = 100

    /// Linux makes the tables of its caches of names and of files for a machine that does nothing but serve files: clearing
    /// them is a good part of a start. An eighth of that is left, and never less than a small guest needs.
    private static func hashTables(_ memoryByteCount: UInt64) -> [String] {
        let names = max(memoryByteCount >> 16, 2048)
        return ["dhash_entries=\(names)", "ihash_entries=\(names / 2)"]
    }

    /// A kernel that panics says so at once, and hardly anything before. What follows `--` is init's.
    private func commandLine(_ append: String?) -> String {
        var words = ["console=ttyS0 quiet panic=-1"]
        words += Self.hashTables(memoryByteCount)
        if let count = limits.processCount {
            words.append("sysctl.kernel.threads-max=\(count + Self.kernelThreadCount)")
        }
        // guest/edits.sh: the usual devices, those that were asked for, and no others.
        if !container.isPrivileged {
            let devices = container.devices.map { "c\($0.major):\($0.minor)" }
            words.append("container_devices=" + devices.joined(separator: ","))
        }
        if let append { words.append(append) }
        return (words + ["-- vmm.agent"]).joined(separator: " ")
    }
}
