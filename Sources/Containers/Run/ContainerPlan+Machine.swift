import AgentProtocol
import Cgroups
public import Images
public import Machine

extension ContainerPlan {
    /// Makes the configuration of the container's VM.
    ///
    /// The image is persistent memory, `disk` is the disk of the writable layer, and the output of the
    /// kernel's console is kept for the report of a failure.
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

    /// The number of the kernel's own threads, which `kernel.threads-max` counts too.
    private static let kernelThreadCount: UInt64 = 100

    /// Limits the hash tables of Linux's dentry and inode caches. Linux sizes them for a file server, and
    /// clearing them is a good part of a start. An eighth of that size is left, and never less than a small
    /// guest needs.
    private static func hashTables(_ memoryByteCount: UInt64) -> [String] {
        let names = max(memoryByteCount >> 16, 2048)
        return ["dhash_entries=\(names)", "ihash_entries=\(names / 2)"]
    }

    /// Makes the kernel's command line. `quiet` keeps the console free of messages until a panic, and
    /// `panic=-1` resets the VM at once after one. Everything after `--` is for init.
    private func commandLine(_ append: String?) -> String {
        var words = ["console=ttyS0 quiet panic=-1"]
        words += Self.hashTables(memoryByteCount)
        if let count = limits.processCount {
            words.append("sysctl.kernel.threads-max=\(count + Self.kernelThreadCount)")
        }
        // guest/edits.sh reads container_devices=: the usual devices and those listed are accessible, no
        // others.
        if !container.isPrivileged {
            let devices = container.devices.map { "c\($0.major):\($0.minor)" }
            words.append("container_devices=" + devices.joined(separator: ","))
        }
        if let append { words.append(append) }
        return (words + ["-- vmm.agent"]).joined(separator: " ")
    }
}
