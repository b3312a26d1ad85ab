import Foundation
import TestSupport
import Testing

@Suite("vmm boot refuses a bad disk, and guards a good one")
struct BadDiskTests {
    @Test("that is missing, a directory, a device without sectors, empty, or no multiple of 512 bytes")
    func unusable() throws {
        let scratch = try Scratch()
        let (missing, directory) = (scratch.path + "/none", try scratch.directory("directory"))
        for options in ["", ",ro"] {
            try expectRefusal(Monitor.boot("halt", "--disk", missing + options), 66, missing, in: scratch)
            try expectRefusal(Monitor.boot("halt", "--disk", directory + options), 66, directory, in: scratch)
            try expectRefusal(
                Monitor.boot("halt", "--disk", "/dev/null" + options), 66, "/dev/null", in: scratch)
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
        for options in [",rw", ",", ",id=", ",id=123456789012345678901"] {
            try expectRefusal(Monitor.boot("halt", "--disk", disk + options), 64, "disk", in: scratch)
        }
        try expectRefusal(Monitor.boot("halt", "--disk", ""), 64, "disk", in: scratch)
    }

    @Test("that may only be read, unless it is attached so")
    func readOnly() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        // To root every file is writable, so the directory becomes a read-only mount.
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
        try expectRefusal(Monitor.boot("halt", "--disk", disk), 69, disk, "another monitor", in: scratch)
        try expectRefusal(
            Monitor.boot("halt", "--disk", disk + ",ro"), 69, disk, "another monitor", in: scratch)
        #expect(first.child.isRunning)
        first.child.send(SIGKILL)
        #expect(try first.child.wait() == .signalled(SIGKILL))
        #expect(try ProgramRun(Monitor.boot("halt", "--disk", disk)).status == 0)
    }

    @Test("twice in one machine; read-only it may be there as often as one likes")
    func twice() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        try expectRefusal(Monitor.boot("halt", "--disk", disk, "--disk", disk), 69, disk, in: scratch)
        let shared = disk + ",ro"
        #expect(try ProgramRun(Monitor.boot("halt", "--disk", shared, "--disk", shared)).status == 0)
        let other = try RunningMonitor(Monitor.boot("spin", "--disk", shared))
        #expect(try ProgramRun(Monitor.boot("halt", "--disk", shared)).status == 0)
        #expect(other.child.isRunning)
    }
}
