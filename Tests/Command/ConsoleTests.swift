import Foundation
import TestSupport
import Testing

@Suite("vmm boot with its console in files and pipes")
struct ConsoleTests {
    @Test(
        "what a guest says is on standard output, what vmm says on standard error",
        arguments: [
            ("serial", "serial", "tiny guest: serial line\r\n"),
            ("virtioconsole", "virtio", "tiny guest: virtio line\r\n"),
        ])
    func output(guest: String, console: String, expected: String) throws {
        let run = try ProgramRun(Monitor.boot(guest, "--console", console))
        #expect(run.status == 0)
        #expect(run.output == expected)
        #expect(run.error == "vmm: the guest powered off\n")
    }

    /// Neither guest contains the strings of a console driver, so the console is the serial port unless the
    /// command line names another.
    @Test(
        "by default the console is the one that the guest uses",
        arguments: [
            ("serial", [], "tiny guest: serial line\r\n"),
            ("serial", ["--cmdline", "console=ttyS0"], "tiny guest: serial line\r\n"),
            ("virtioconsole", ["--append", "console=hvc0"], "tiny guest: virtio line\r\n"),
        ])
    func automatic(guest: String, options: [String], expected: String) throws {
        let run = try ProgramRun(Monitor.boot(guest) + options)
        #expect(run.status == 0)
        #expect(run.output == expected)
        #expect(run.error == "vmm: the guest powered off\n")
    }

    @Test("a console that the command line names and the machine lacks is spoken of")
    func missingConsole() throws {
        let run = try ProgramRun(
            Monitor.boot("virtioconsole", "--console", "virtio", "--cmdline", "console=ttyS0"))
        #expect(run.status == 0)
        let lines = run.error.split(separator: "\n")
        #expect(
            lines.count == 2 && lines[0].contains("ttyS0") && lines[0].contains("--console serial"),
            "\(run.error)")
    }

    @Test("a disk's sector arrives on the console byte for byte")
    func sector() throws {
        let scratch = try Scratch()
        let text = String((0..<512).map { Character(UnicodeScalar(UInt8(33 + $0 % 90))) })
        let disk = try scratch.file("disk", Array(text.utf8) + [UInt8](repeating: 0, count: 512))
        let run = try ProgramRun(Monitor.boot("virtioblock", "--console", "serial", "--disk", disk + ",ro"))
        #expect(run.status == 0)
        #expect(run.output == text)
    }

    @Test(
        "piped input reaches the guest, all of it, woken by interrupt or polling",
        arguments: ["echo", "echopoll"])
    func input(guest: String) throws {
        let text = (0..<200).map { "line \($0) of what somebody piped in\n" }.joined()
        let run = try ProgramRun(Monitor.boot(guest, "--console", "serial"), input: Array(text.utf8) + [4])
        #expect(run.status == 0)
        #expect(run.output == text)
    }

    @Test("the end of the input is not the end of the guest")
    func endOfInput() throws {
        let pipe = try TestPipe()
        let monitor = try RunningMonitor(Monitor.boot("idle", "--console", "serial"), output: pipe.writeEnd)
        try monitor.waitForHalt()
        monitor.child.send(SIGTERM)
        #expect(try monitor.child.wait() == .exited(0))
    }

    @Test(
        "every ending has its status and its line",
        arguments: [
            ("poweroff", Int32(0), "the guest powered off"), ("resetreg", 3, "the guest asked for a reset"),
            ("reboot8042", 3, "the guest asked for a reset"), ("pvpanic", 4, "the guest's kernel panicked"),
            ("triplefault", 5, "triple fault"), ("badinsn", 6, "cannot emulate an instruction"),
        ])
    func endings(guest: String, status: Int32, words: String) throws {
        let run = try ProgramRun(Monitor.boot(guest))
        #expect(run.status == status)
        #expect(run.error.contains(words))
        let hasReport = status == 5 || status == 6
        #expect(run.error.contains("rip") == hasReport && run.error.contains("code ") == hasReport)
        #expect(run.error.split(separator: "\n").count == (hasReport ? 8 : 1), "\(run.error)")
    }

    @Test("timings are written however the guest ends", arguments: ["serial", "resetreg", "triplefault"])
    func timings(guest: String) throws {
        let scratch = try Scratch()
        let place = scratch.path + "/timings.json"
        let run = try ProgramRun(Monitor.boot(guest, "--console", "serial", "--timings", place))
        let file = try Data(contentsOf: URL(filePath: place))
        let object = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
        #expect(object["status"] as? Int == run.status.map(Int.init))
        let steps = try #require(object["steps"] as? [String: Any])
        let names = ["main_entered", "kvm_opened", "memory_ready", "first_run", "end"]
        let times = names.compactMap { steps[$0] as? Int }
        #expect(times.count == names.count && times == times.sorted())
        #expect(times[0] > 0, "the loader's time is counted")
        #expect((steps["first_console_byte"] is Int) == (guest == "serial"))
    }

    @Test(
        "a reader that stops neither grows the monitor nor stops the guest",
        arguments: [
            ("flood", "serial"), ("virtioflood", "virtio"),
        ])
    func stoppedReader(guest: String, console: String) throws {
        let pipe = try TestPipe()
        let monitor = try RunningMonitor(Monitor.boot(guest, "--console", console), output: pipe.writeEnd)
        _ = try pipe.receive(exactly: 64 << 10)
        let tasks = Tasks(of: monitor.child.identifier)
        let cpu = try #require(tasks.named("vcpu0"))
        usleep(1_500_000)
        let (residentBefore, timeBefore) = (tasks.kibibytes("VmRSS"), tasks.cpuTime(of: cpu))
        // Half a second of CPU time: the guest continues to write.
        try eventually("a guest that goes on") { tasks.cpuTime(of: cpu) > timeBefore + 50 }
        // The guest's memory may have grown by a huge page meanwhile.
        #expect(tasks.kibibytes("VmRSS") < residentBefore + 1024 + 2048)
        // After a pause the reader receives output again, and the monitor still handles signals.
        let text = String(decoding: try pipe.receive(exactly: 256 << 10), as: UTF8.self)
        #expect(
            text.contains(String(repeating: "a", count: 60)) || text.contains("abc") || text.contains("aaa"))
        monitor.child.send(SIGTERM)
        monitor.child.send(SIGTERM)
        let drain = Thread { while let bytes = try? pipe.receive(), !bytes.isEmpty {} }
        drain.start()
        try eventually("its end") {
            monitor.child.send(SIGTERM)
            return !monitor.child.isRunning
        }
        #expect(monitor.child.ending == .exited(143))
    }

    @Test("a guest that makes the log long is held up by no reader of it, and the monitor does as it is told")
    func unreadLog() throws {
        let pipe = try TestPipe()
        let monitor = try RunningMonitor(
            Monitor.boot("talk", "--console", "none", "--log-level", "info"), error: pipe.writeEnd)
        let tasks = Tasks(of: monitor.child.identifier)
        let cpu = try #require(tasks.named("vcpu0"))
        // Written one by one, the lines would fill the pipe many times; the guest must continue.
        try eventually("a guest that goes on") { tasks.cpuTime(of: cpu) > 100 }
        monitor.child.send(SIGTERM)
        monitor.child.send(SIGTERM)
        try eventually("its end") {
            monitor.child.send(SIGTERM)
            return !monitor.child.isRunning
        }
        #expect(monitor.child.ending == .exited(143))
        let text = String(decoding: try pipe.receive(), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines.count < 200, "\(lines.count) lines")
        #expect(
            text.contains("more boot markers, which were not shown")
                && text.contains("crash kernel takes over"),
            "\(text)")
        #expect(text.contains("terminated by a second signal"))
    }

    @Test("a standard error that is full holds up neither the guest's end nor the monitor's")
    func fullError() throws {
        let pipe = try TestPipe()
        _ = fcntl(pipe.writeEnd, F_SETFL, O_NONBLOCK)
        let page = [UInt8](repeating: 0x2E, count: 4096)
        while unsafe write(pipe.writeEnd, page, page.count) > 0 {}
        _ = fcntl(pipe.writeEnd, F_SETFL, 0)
        let child = try ChildProcess(
            Monitor.boot("poweroff", "--console", "none", "--log-level", "trace"), error: pipe.writeEnd)
        #expect(try child.wait() == .exited(0))
    }

    @Test("output that cannot be written is said once, is a failure, and does no harm to the guest")
    func closedOutput() throws {
        let scratch = try Scratch()
        let timings = scratch.path + "/timings"
        for (guest, status) in [("serial", Int32(74)), ("triplefault", 5)] {
            let run = try OutputRun(
                Monitor.boot(guest, "--console", "serial", "--timings", timings), output: .full)
            #expect(run.ending == .exited(status))
            #expect(
                run.error.contains("the console's output is closed: No space left on device")
                    == (guest == "serial"))
            #expect(!run.error.contains("nobody read"), "\(run.error)")
            #expect(run.error.contains(guest == "serial" ? "the guest powered off" : "triple fault"))
            let object = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: timings)))
            #expect((object as? [String: Any])?["status"] as? Int == Int(status))
        }
    }

    @Test("a reader that closed its pipe is no error of the guest's")
    func goneReader() throws {
        let run = try OutputRun(Monitor.boot("serial", "--console", "serial"), output: .gone)
        #expect(run.ending == .exited(0))
        #expect(run.error == "vmm: the guest powered off\n")
    }
}
