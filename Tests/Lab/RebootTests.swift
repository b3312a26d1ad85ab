import TestSupport
import Testing

/// Every way in which Linux resets a PC (`reboot=`), and every way in which a kernel comes to an end by
/// itself. None may hang.
@Suite("How Linux reboots and panics in the lab")
struct RebootTests {
    /// ACPI's register, the BIOS, EFI, the keyboard controller, PCI's register, a triple fault; and what the
    /// kernel prefers.
    private static let methods = ["a", "b", "e", "k", "p", "t", ""]

    private func expectReboots(_ name: String, _ machine: String) throws {
        let script = Self.methods.map { method in
            let words = (method.isEmpty ? "" : "reboot=\(method) ") + Question.append("reboot -f")
            return "boot by-\(method) \(machine) --append \(Question.quoted(words))"
        }
        let boots = try Lab.run(script.joined(separator: "\n"), seconds: 900)
        for method in Self.methods {
            let boot = try #require(boots["by-" + method], "\(name), reboot=\(method)")
            // A triple fault ends a machine in the same way, whoever means it.
            #expect(boot.status == (method == "t" ? 5 : 3), "\(name), reboot=\(method): \(boot)")
            #expect(boot.says(method == "t" ? "triple fault" : "vmm: the guest asked for a reset"), "\(boot)")
        }
    }

    @Test("a Debian kernel by every method", arguments: ["6.1", "6.12"])
    func debian(version: String) throws {
        let debian = DebianKernel(version: version)
        try debian.prepare()
        try expectReboots(version, "--kernel \(debian.path("bzImage")) --initrd \(debian.initramfs)")
    }

    @Test("our own kernel by every method")
    func ours() throws {
        try expectReboots("own", "--kernel build/vmlinux --initrd build/initramfs.cpio")
    }

    /// Without the driver of pvpanic, which is a module of Debian's, a kernel that was told `panic=-1` just
    /// reboots.
    @Test("a Debian kernel that panics: status 4 where it can say so, else 3", arguments: ["6.1", "6.12"])
    func panics(version: String) throws {
        let debian = DebianKernel(version: version)
        try debian.prepare()
        let kernel = "--kernel \(debian.path("bzImage"))"
        let exit = Question.quoted(Question.append("exit 0"))
        let boots = try Lab.run(
            """
            boot rootless \(kernel)
            boot four \(kernel) --cpus 4
            boot early \(kernel) --initrd \(debian.initramfs) --append rdinit=/bin/true
            boot late \(kernel) --initrd \(debian.initramfs) --append \(exit)
            """, seconds: 900)
        for (name, status) in [("rootless", Int32(3)), ("four", 3), ("early", 3), ("late", 4)] {
            let boot = try #require(boots[name], "\(name)")
            #expect(boot.status == status, "\(version), \(name): \(boot)")
        }
    }
}
