import Glibc
import Host
import Images
import Layers
import Machine

/// The identity of everything that a template's machine was made of and depends on. Two machines with the
/// same key are the same until their containers differ.
///
/// A file counts by its place and its times, not by its content: to read a kernel of 16 MiB would take longer
/// than to start from a template. A program that changes a file in place and then sets back the time of the
/// last change of its inode would have to be root's.
struct TemplateKey {
    private var text: [UInt8] = []

    /// The key of a machine of `configuration`, which has no disks, with an image.
    init(_ configuration: MachineConfiguration, image: Image) {
        add(image.identifier)
        add(configuration.memoryByteCount)
        add(UInt64(configuration.cpuCount))
        add(configuration.commandLine)
        add(configuration.appendedCommandLine)
        add(configuration.console.rawValue)
        add(configuration.hasEntropy ? 1 : 0)
        add(configuration.keepsConsole ? 1 : 0)
        add(file: configuration.kernel)
        add(UInt64(configuration.initramfs.count))
        for file in configuration.initramfs { add(file: file) }
        // An import of another image with the same layer gives the layer a second name for a while, which
        // changes the inode and not the file.
        add(UInt64(configuration.persistentMemory.count))
        for file in configuration.persistentMemory { add(file: file, withChangeOfInode: false) }
    }

    private init() {}

    /// The generation of all templates that this process can use: this program, this boot of the host and
    /// its KVM. A boot stands for the processor, its firmware and the host's kernel, and with the parameters
    /// of KVM's modules for all that KVM would say about the features of a CPU.
    static func generation() -> String {
        var key = TemplateKey()
        key.add(file: "/proc/self/exe")
        key.add((try? WholeFile.read("/proc/sys/kernel/random/boot_id", upTo: 64)) ?? [])
        for module in ["kvm", "kvm_intel", "kvm_amd", "kvm_pvm"] { key.add(module: module) }
        return key.name
    }

    /// The name of the key: half a SHA-256 in hexadecimal digits.
    var name: String { String(SHA256.digest(of: text).hexadecimal.prefix(32)) }

    private mutating func add(_ number: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            text.append(UInt8(truncatingIfNeeded: number >> shift))
        }
    }

    /// Adds bytes after their number, so that two lists of them never look the same.
    private mutating func add(_ bytes: [UInt8]) {
        add(UInt64(bytes.count))
        text += bytes
    }

    private mutating func add(_ word: String) {
        add(Array(word.utf8))
    }

    /// Adds a text that may be missing, which is not the same as an empty one.
    private mutating func add(_ word: String?) {
        add(word == nil ? 0 : 1)
        add(word ?? "")
    }

    private mutating func add(file path: String, withChangeOfInode isStrict: Bool = true) {
        guard let status = FileStatus(of: path)?.status else { return add(UInt64.max) }
        for number in [
            UInt64(status.st_dev), UInt64(status.st_ino), UInt64(bitPattern: Int64(status.st_size)),
            Self.nanoseconds(status.st_mtim), isStrict ? Self.nanoseconds(status.st_ctim) : 0,
        ] { add(number) }
    }

    private static func nanoseconds(_ time: timespec) -> UInt64 {
        UInt64(bitPattern: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// Adds a module of the host's kernel, if it is loaded. Each load gives the directory of its parameters
    /// another number, and after the load no parameter changes what KVM says about CPUs.
    private mutating func add(module: String) {
        add(FileStatus(of: "/sys/module/\(module)/parameters").map { UInt64($0.status.st_ino) } ?? 0)
    }
}
