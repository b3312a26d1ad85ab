import Foundation
import TestSupport
import Testing

@Suite("vmm boot refuses a bad kernel or initramfs")
struct BadKernelTests {
    private func refuse(_ bytes: [UInt8], _ word: String, memory: String = "16M") throws {
        let scratch = try Scratch()
        let kernel = try scratch.file("kernel", bytes)
        try expectRefusal(Monitor.boot(kernel: kernel, "--memory", memory), 65, kernel, word, in: scratch)
    }

    @Test("that is missing, a directory, a pipe or a device")
    func notAFile() throws {
        let scratch = try Scratch()
        let missing = scratch.path + "/none"
        try expectRefusal(Monitor.boot(kernel: missing), 66, missing, "no such file", in: scratch)
        let directory = try scratch.directory("kernels")
        try expectRefusal(Monitor.boot(kernel: directory), 65, directory, "directory", in: scratch)
        try expectRefusal(Monitor.boot(kernel: missing + "/below"), 66, missing, in: scratch)
        let fifo = scratch.path + "/fifo"
        try #require(unsafe mkfifo(fifo, 0o600) == 0)
        try expectRefusal(Monitor.boot(kernel: fifo), 65, fifo, "not a regular file", in: scratch)
        try expectRefusal(Monitor.boot(kernel: "/dev/null"), 65, "/dev/null", in: scratch)
    }

    @Test("that is empty, text, or no kernel at all")
    func content() throws {
        try refuse([], "empty")
        try refuse(Array("#!/bin/sh\necho this is no kernel\n".utf8), "kernel")
        try refuse([UInt8](repeating: 0, count: 100_000), "kernel")
    }

    @Test("that is truncated: in its headers, in its program, in its packed payload")
    func truncated() throws {
        let whole = KernelFile().bytes
        try refuse(Array(whole[..<40]), "kernel")
        try refuse(Array(whole[..<100]), "kernel")
        try refuse(Array(whole[..<2000]), "kernel")
        let image = [UInt8](
            try Data(contentsOf: URL(filePath: Package.path("build/kernels/debian-6.1/bzImage"))))
        try refuse(Array(image[..<600]), "kernel", memory: "256M")
        try refuse(Array(image[..<5_000_000]), "kernel", memory: "256M")
    }

    @Test("that is for another processor")
    func processor() throws {
        try refuse(KernelFile(classNumber: 1).bytes, "32-bit")
        try refuse(KernelFile(machine: 183).bytes, "x86-64")
    }

    @Test("whose segments overlap, lie in the hole or beyond all memory, or have absurd sizes")
    func segments() throws {
        let whole = KernelFile.Segment(address: 0x10_0000, fileByteCount: 4096, memoryByteCount: 4096)
        var other = whole
        other.address += 2048
        try refuse(KernelFile(segments: [whole, other]).bytes, "overlap")
        for address: UInt64 in [0xC000_0000, 0xFFFF_FFFF_FFFF_F000, 1 << 40, 1 << 63] {
            try refuse(
                KernelFile(segments: [.init(address: address, fileByteCount: 4096, memoryByteCount: 4096)])
                    .bytes, "kernel")
        }
        for size: UInt64 in [1 << 40, 1 << 63, .max] {
            try refuse(
                KernelFile(segments: [.init(address: 0x10_0000, fileByteCount: 4096, memoryByteCount: size)])
                    .bytes, "kernel")
            try refuse(
                KernelFile(segments: [.init(address: 0x10_0000, fileByteCount: size, memoryByteCount: size)])
                    .bytes, "kernel")
        }
        try refuse(
            KernelFile(segments: [.init(address: 0x10_0000, fileByteCount: 4096, memoryByteCount: 1)]).bytes,
            "kernel")
        try refuse(KernelFile(segments: []).bytes, "kernel")
    }

    @Test("that needs more memory than the guest has")
    func tooLarge() throws {
        try refuse(
            KernelFile(segments: [.init(address: 0x10_0000, fileByteCount: 4096, memoryByteCount: 32 << 20)])
                .bytes,
            "memory")
        let scratch = try Scratch()
        let debian = Package.path("build/kernels/debian-6.1/vmlinux")
        try expectRefusal(Monitor.boot(kernel: debian, "--memory", "16M"), 65, debian, "memory", in: scratch)
    }

    @Test("or an initramfs that is missing, a directory, empty, or does not fit")
    func initramfs() throws {
        let scratch = try Scratch()
        let (missing, directory) = (scratch.path + "/none", try scratch.directory("directory"))
        try expectRefusal(Monitor.boot("halt", "--initrd", missing), 66, missing, in: scratch)
        try expectRefusal(Monitor.boot("halt", "--initrd", directory), 65, directory, in: scratch)
        let empty = try scratch.file("empty")
        try expectRefusal(Monitor.boot("halt", "--initrd", empty), 65, empty, "empty", in: scratch)
        let large = try scratch.file("large", byteCount: 64 << 20)
        try expectRefusal(
            Monitor.boot("halt", "--memory", "16M", "--initrd", large), 65, large, "memory", in: scratch)
        let half = try scratch.file("half", byteCount: 10 << 20)
        try expectRefusal(
            Monitor.boot("halt", "--memory", "16M", "--initrd", half, "--initrd", half), 65, half, in: scratch
        )
        let absurd = try scratch.file("absurd", byteCount: 1 << 42)
        try expectRefusal(
            Monitor.boot("halt", "--memory", "16M", "--initrd", absurd), 65, absurd, in: scratch)
    }

    @Test("or a command line that is too long, wherever it comes from")
    func commandLine() throws {
        let long = String(repeating: "a", count: 100_000)
        try expectRefusal(Monitor.boot("halt", "--cmdline", long), 64, "command line")
        try expectRefusal(Monitor.boot("halt", "--append", long), 64, "command line")
    }
}
