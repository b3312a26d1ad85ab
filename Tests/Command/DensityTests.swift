import Foundation
import TestSupport
import Testing

@Suite("Many monitors", .serialized)
struct DensityTests {
    @Test("1,000 machines, one after the other, leave nothing behind")
    func oneAfterTheOther() throws {
        let scratch = try Scratch()
        let disk = try scratch.file("disk", byteCount: 4096)
        let command = Monitor.boot("halt", "--disk", disk)
        for round in 0..<1000 {
            let child = try ChildProcess(command)
            try #require(try child.wait() == .exited(0), "machine \(round)")
        }
        #expect(try scratch.state().keys.sorted() == ["disk"])
    }

    @Test("200 at once, each idle, end as they are told")
    func atOnce() throws {
        let scratch = try Scratch()
        let monitors = try (0..<200).map { _ in try RunningMonitor(Monitor.boot("idle", "--console", "none"))
        }
        for monitor in monitors { try monitor.waitForHalt() }
        // Guest RAM that the guest has not touched occupies no host memory.
        for monitor in monitors {
            #expect(Tasks(of: monitor.child.identifier).kibibytes("RssAnon") < 4096)
        }
        for monitor in monitors { monitor.child.send(SIGTERM) }
        for monitor in monitors { #expect(try monitor.child.wait() == .exited(0)) }
        #expect(try scratch.state().isEmpty)
    }

    @Test("kill -9 of all at once leaves no process, and their disks are free")
    func killed() throws {
        let scratch = try Scratch()
        let disks = try (0..<20).map { try scratch.file("disk\($0)", byteCount: 4096) }
        let before = try scratch.state()
        let monitors = try disks.map { try RunningMonitor(Monitor.boot("spin", "--cpus", "2", "--disk", $0)) }
        for monitor in monitors { monitor.child.send(SIGKILL) }
        for monitor in monitors {
            #expect(try monitor.child.wait() == .signalled(SIGKILL))
            #expect(unsafe access("/proc/\(monitor.child.identifier)", F_OK) != 0)
        }
        #expect(try scratch.state() == before)
        for disk in disks { #expect(try ProgramRun(Monitor.boot("halt", "--disk", disk)).status == 0) }
    }
}
