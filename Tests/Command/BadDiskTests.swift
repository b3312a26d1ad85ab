import Foundation
import TestSupport
import Testing

@Suite("vmm boot refuses a bad disk, and guards a good one")
struct BadDiskTests {
    @Test("that is missing, a directory, a device without sectors, empty, or no multiple of 512 bytes")
    func unusable() throws {
        let scratch = try Scratch()
        let (missing, directory) = (scratch.path + "/none", try scratch.directory("directory"))
        let fifo = scratch.path + "/fifo"
        #expect(unsafe mkfifo(fifo, 0o600) == 0)
        for options in ["", ",ro"] {
            try expectRefusal(Monitor.boot("halt", "--disk", missing + options), 66, missing, in: scratch)
            try expectRefusal(Monitor.boot("halt", "--disk", directory + options), 65, directory, in: scratch)
            try expectRefusal(
                Monitor.boot("halt", "--disk", "/dev/null" + options), 65, "/dev/null", in: scratch)
            try expectRefusal(Monitor.boot("halt", "--disk", fifo + options), 65, fifo, in: scratch)
        }
        let empty = try scratch.file("empty")
        try expectRefusal(Monitor.boot("halt", "--disk", empty), 65, empty, "empty", in: scratch)
        for byteCount in [1, 511, 513, 1_000_000] {
            let odd = try scratch.file("odd", byteCount: byteCount)
            try expectRefusal(Monitor.boot("halt", "--disk", odd), 65, odd, "512", "truncate", in: scratch)
        }
    }

    @Test("whose options make no sense")
    func options() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        for options in [",rw", ",", ",id=", ",id=123456789012345678901", ",format=qcow2", ",sector=100"] {
            try expectRefusal(Monitor.boot("halt", "--disk", disk + options), 64, "disk", in: scratch)
        }
        try expectRefusal(Monitor.boot("halt", "--disk", ""), 64, "disk", in: scratch)
    }

    @Test("that may only be read, unless it is attached so")
    func readOnly() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        // Root may write to every file, so the directory becomes a read-only mount.
        let readOnly = [
            "mount --bind \(scratch.path) \(scratch.path)", "mount -o remount,ro,bind \(scratch.path)",
        ]
        try expectRefusal(
            Namespace.command(readOnly, Monitor.boot("halt", "--disk", disk)), 71, disk, "read-only",
            in: scratch)
        #expect(
            try ProgramRun(Namespace.command(readOnly, Monitor.boot("halt", "--disk", disk + ",ro"))).status
                == 0)
    }

    @Test("that another monitor uses, until that one is gone, however it went")
    func inUse() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        let first = try RunningMonitor(Monitor.boot("spin", "--disk", disk))
        try expectRefusal(Monitor.boot("halt", "--disk", disk), 75, disk, "another monitor", in: scratch)
        try expectRefusal(
            Monitor.boot("halt", "--disk", disk + ",ro"), 75, disk, "another monitor", in: scratch)
        #expect(first.child.isRunning)
        first.child.send(SIGKILL)
        #expect(try first.child.wait() == .signalled(SIGKILL))
        #expect(try ProgramRun(Monitor.boot("halt", "--disk", disk)).status == 0)
    }

    @Test("twice in one machine; read-only it may be there as often as one likes")
    func twice() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        try expectRefusal(
            Monitor.boot("halt", "--disk", disk, "--disk", disk), 64, disk, "twice", in: scratch)
        let shared = disk + ",ro"
        #expect(try ProgramRun(Monitor.boot("halt", "--disk", shared, "--disk", shared)).status == 0)
        let other = try RunningMonitor(Monitor.boot("spin", "--disk", shared))
        #expect(try ProgramRun(Monitor.boot("halt", "--disk", shared)).status == 0)
        #expect(other.child.isRunning)
    }

    /// Disk image formats other than raw, as their specifications define them: the bytes at the beginning of
    /// the file, at offset 64 and at the beginning of the last 512, and a part of the command that converts
    /// the file.
    private static let wrapped:
        [(name: String, head: [UInt8], at64: [UInt8], tail: [UInt8], command: String)] = [
            ("qcow2", [0x51, 0x46, 0x49, 0xFB, 0, 0, 0, 3], [], [], "qemu-img convert -O raw"),
            ("qed", Array("QED\0".utf8), [], [], "qemu-img convert -O raw"),
            ("vmdk", Array("KDMV".utf8) + [1, 0, 0, 0], [], [], "qemu-img convert -O raw"),
            (
                "text.vmdk", Array("# Disk DescriptorFile\nversion=1\n".utf8), [], [],
                "qemu-img convert -O raw"
            ),
            ("vhd", Array("conectix".utf8), [], Array("conectix".utf8), "qemu-img convert -O raw"),
            ("fixed.vhd", [], [], Array("conectix".utf8), "qemu-img convert -f vpc -O raw"),
            ("vhdx", Array("vhdxfile".utf8), [], [], "qemu-img convert -O raw"),
            (
                "vdi", Array("<<< Oracle VM VirtualBox Disk Image >>>\n".utf8), [0x7F, 0x10, 0xDA, 0xBE], [],
                "qemu-img"
            ),
            ("hds", Array("WithouFreSpacExt".utf8), [], [], "qemu-img convert -O raw"),
            ("dmg", [], [], Array("koly".utf8), "qemu-img convert -f dmg -O raw"),
            ("img.gz", [0x1F, 0x8B, 8, 0], [], [], "gzip -dc"),
            ("img.xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], [], [], "xz -dc"),
            ("img.zst", [0x28, 0xB5, 0x2F, 0xFD], [], [], "zstd -dc"),
            ("img.bz2", Array("BZh91AY&SY".utf8), [], [], "bzip2 -dc"),
            ("img.lz4", [0x04, 0x22, 0x4D, 0x18], [], [], "lz4 -dc"),
            ("img.zip", [0x50, 0x4B, 3, 4], [], [], "unzip -p"),
            ("img.7z", [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], [], [], "7z x -so"),
            ("sparse", [0x3A, 0xFF, 0x26, 0xED], [], [], "simg2img"),
        ]

    @Test("whose file wraps a disk, whatever its size, unless its bytes are what the guest shall have")
    func wrappings() throws {
        let scratch = try Scratch()
        for wrapped in Self.wrapped {
            for byteCount in [64 << 10, 65_192] {
                var bytes = [UInt8](repeating: 0, count: byteCount)
                bytes.replaceSubrange(0..<wrapped.head.count, with: wrapped.head)
                bytes.replaceSubrange(64..<64 + wrapped.at64.count, with: wrapped.at64)
                bytes.replaceSubrange(
                    byteCount - 512..<byteCount - 512 + wrapped.tail.count, with: wrapped.tail)
                let disk = try scratch.file(wrapped.name, bytes)
                for options in ["", ",ro"] {
                    let command = Monitor.boot("halt", "--disk", disk + options)
                    try expectRefusal(command, 65, disk, wrapped.command, "format=raw", in: scratch)
                    #expect(try !ProgramRun(command).error.contains("truncate"))
                }
                let raw = try ProgramRun(Monitor.boot("halt", "--disk", disk + ",format=raw"))
                #expect(raw.status == (byteCount % 512 == 0 ? 0 : 65), "\(wrapped.name): \(raw.error)")
            }
        }
    }

    @Test("but no raw disk that looks like one: a boot record, a file system, an archive, zeroes")
    func rawDisks() throws {
        let scratch = try Scratch()
        for (name, head) in [
            ("zeroes", []), ("record", [0xEB, 0x63, 0x90]), ("xfs", Array("XFSB".utf8)),
            ("text", Array("# Disk\n".utf8)), ("luks", Array("LUKS".utf8) + [0xBA, 0xBE]),
            ("elf", [0x7F, 0x45, 0x4C, 0x46]), ("bzip", Array("BZh9".utf8)),
        ] as [(String, [UInt8])] {
            let disk = try scratch.file(name, head + [UInt8](repeating: 0, count: 4096 - head.count))
            let run = try ProgramRun(Monitor.boot("halt", "--disk", disk))
            #expect(run.status == 0, "\(name): \(run.error)")
        }
    }

    @Test("the command that is printed makes a raw disk of an image, whatever its name")
    func conversion() throws {
        let scratch = try Scratch()
        for name in ["a disk's", "plain.img"] {
            let raw = try scratch.file(
                "content", Array("a disk's content".utf8) + [UInt8](repeating: 0, count: 1008))
            let packed = scratch.path + "/" + name + ".gz"
            try #require(ProgramRun(["sh", "-c", #"gzip -c "$0" >"$1""#, raw, packed]).status == 0)
            let refusal = try ProgramRun(Monitor.boot("halt", "--disk", packed))
            let found = refusal.error.firstMatch(of: /to a raw disk: (.*?)  \(/)
            let command = try #require(found.map { String($0.output.1) }, "\(refusal.error)")
            try #require(ProgramRun(["sh", "-c", command]).status == 0, "\(command)")
            let made = scratch.path + "/" + name + ".raw"
            #expect(try Data(contentsOf: URL(filePath: made)) == Data(contentsOf: URL(filePath: raw)))
            #expect(try ProgramRun(Monitor.boot("halt", "--disk", made)).status == 0)
        }
    }
}
