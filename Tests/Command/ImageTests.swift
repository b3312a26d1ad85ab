import Foundation
import TestSupport
import Testing

@Suite("vmm image")
struct ImageTests {
    @Test("imports, lists, removes and prunes")
    func life() throws {
        let bench = try ImageFixture()
        #expect(
            try bench.image("list").output
                == "NAME  ID                SIZE  TEMPLATES  LAYERS  CREATED     IMPORTED\n")
        #expect(try bench.image("list", "--json").output == "[]\n")
        let identifier = try bench.layout().image([ImageFixture.archive()])
        let taken = try bench.image("import", bench.directory.path("layout"), "--name", "team/tool:1")
        #expect(taken.output == identifier + "\n" && taken.error.isEmpty && taken.status == 0)
        let list = try bench.image("list")
        #expect(
            list.output.contains("docker.io/team/tool:1  ") && list.output.contains(identifier.prefix(12)))
        #expect(list.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
        let json = try JSONSerialization.jsonObject(with: Data(try bench.image("list", "--json").output.utf8))
        let entries = try #require(json as? [[String: Any]])
        #expect(
            entries.map { $0["name"] as? String } == [
                "docker.io/team/tool:1", "oci:" + bench.directory.path("layout"),
            ])
        #expect(entries.allSatisfy { $0["id"] as? String == identifier && $0["layers"] as? Int == 1 })
        #expect(
            entries.allSatisfy {
                $0["created"] is NSNull && ($0["imported"] as? String)?.hasSuffix("Z") == true
            })
        #expect(try bench.image("remove", "team/tool:1").output.isEmpty)
        #expect(try bench.image("remove", bench.directory.path("layout")).output.hasSuffix(" freed\n"))
        #expect(bench.content.isEmpty)
        #expect(try bench.image("prune").output == "0 bytes freed\n")
    }

    @Test("says what it does with --verbose, and nothing else without a terminal")
    func progress() throws {
        let bench = try ImageFixture()
        try bench.layout().image([ImageFixture.archive()])
        let run = try bench.image("import", "--verbose", bench.directory.path("layout"))
        #expect(run.status == 0 && run.error.hasPrefix("vmm: importing "))
        #expect(try bench.image("import", "--verbose", "--quiet", "x").status == 64)
    }

    @Test("shows on a terminal how far it is, in one line that is gone at the end, and Ctrl-C ends it")
    func terminal() throws {
        let bench = try ImageFixture()
        let terminal = try PseudoTerminal(columns: 100)
        let child = try ChildProcess(
            bench.importing(try Zeroes.layout.get().path), error: terminal.program,
            environment: bench.environment)
        try eventually("the line") { terminal.shown().contains("layer 1 of 1") }
        child.send(SIGINT)
        #expect(try child.wait() == .signalled(SIGINT))
        let shown = terminal.shown()
        #expect(!shown.contains("\n"), "one line: \(shown)")
        #expect(shown.hasSuffix("\r\u{1B}[K"), "gone: \(shown)")
        #expect(bench.leftovers.isEmpty && bench.content.isEmpty)
    }

    @Test("refuses what is not there, not an image, or for another machine")
    func refusals() throws {
        let bench = try ImageFixture()
        let none = bench.directory.path("none")
        try bench.expectRefusal(bench.importing(none), 66, none, "no such file")
        try bench.expectRefusal(bench.importing("oci:" + none), 66, none)
        try bench.expectRefusal(bench.importing("No Name"), 66, "No Name")
        try bench.expectRefusal([Monitor.program, "image", "import"], 64, "image")
        try bench.expectRefusal([Monitor.program, "image", "remove", "tool"], 66, "tool", "vmm image list")
        try bench.expectRefusal(bench.importing("/dev/null"), 65, "/dev/null")
        let text = bench.directory.path("text")
        try Data("not an archive, though it has some length to it\n".utf8).write(to: URL(filePath: text))
        try bench.expectRefusal(bench.importing(text), 65, text)
        let layout = try bench.layout()
        let layer = try layout.layer(ImageFixture.archive())
        let foreign = try layout.manifest(try layout.configuration([layer], architecture: "arm64"), [layer])
        try layout.index([foreign.descriptor(TestLayout.manifestType)])
        try bench.expectRefusal(bench.importing(layout.path), 65, "linux/arm64", "linux/amd64")
        let wrong = try layout.configuration([try layout.layer(ImageFixture.archive("other"))])
        try layout.index([try layout.manifest(wrong, [layer]).descriptor(TestLayout.manifestType)])
        try bench.expectRefusal(bench.importing(layout.path), 65, "digest")
    }

    @Test("takes an archive from a pipe, a FIFO and a shell's substitution")
    func pipes() throws {
        let bench = try ImageFixture()
        let identifier = try bench.layout().image([ImageFixture.archive()], tag: "docker.io/team/tool:1")
        let (tar, fifo) = (bench.directory.path("x.tar"), bench.directory.path("fifo"))
        let make = "tar -C \(bench.directory.path("layout")) -cf \(tar) . && gzip -k \(tar) && mkfifo \(fifo)"
        #expect(try ProgramRun(["sh", "-c", make]).status == 0)
        for script in [
            "cat x.tar | vmm image import -", "cat x.tar.gz | vmm image import --quiet - --name again",
            "cat x.tar | vmm image import oci-archive:-", "vmm image import - <x.tar",
            "cat x.tar | vmm image import /dev/stdin:team/tool:1", "vmm image import <(cat x.tar)",
            "cat x.tar >fifo & vmm image import ./fifo; wait",
            "python3 -c 'import socket, subprocess, sys; a, b = socket.socketpair();"
                + " p = subprocess.Popen([sys.argv[1], \"image\", \"import\", \"-\"], stdin=b);"
                + " a.sendall(open(\"x.tar\", \"rb\").read()); a.close(); b.close(); sys.exit(p.wait())' $VMM",
        ] {
            let run = try bench.shell(script)
            #expect(run.output == identifier + "\n" && run.status == 0, "\(script): \(run)")
        }
        #expect(bench.leftovers.isEmpty)
        try bench.layout("layout").image([ImageFixture.archive()])
        let nameless = try bench.shell("tar -C layout -cf - . | vmm image import -")
        #expect(nameless.output == identifier + "\n" && nameless.error.contains("--name"), "\(nameless)")
        let names = try bench.image("list").output
        #expect(names.contains("docker.io/team/tool:1") && names.contains("docker.io/library/again:latest"))
        #expect(!names.contains("stdin") && !names.contains("fifo") && !names.contains("pipe:"), "\(names)")
        for (script, status, word) in [
            ("head -c 700 x.tar | vmm image import -", 65, "/dev/stdin"),
            ("true | vmm image import -", 65, "/dev/stdin"),
            ("vmm image import - </dev/null", 65, "/dev/stdin"),
            ("cat x.tar | vmm image import -  x", 64, "--name x"),
            ("vmm image import - <.", 65, "/dev/stdin"),
            ("cat x.tar | vmm image import oci:-", 66, "not a directory"),
        ] as [(String, Int32, String)] {
            try bench.expectRefusal(bench.shellCommand(script), status, word)
        }
        #expect(bench.leftovers.isEmpty)
    }

    @Test("reads no file of the working directory that nobody called a path")
    func workingDirectory() throws {
        let bench = try ImageFixture()
        try bench.layout("debian").image([ImageFixture.archive()])
        try bench.layout("team/tool").image([ImageFixture.archive()])
        try bench.layout("Upper/Tool").image([ImageFixture.archive()])
        try bench.layout("three/names/deep").image([ImageFixture.archive()])
        try bench.layout("docker.io/three/names/deep").image([ImageFixture.archive()])
        try Data("x".utf8).write(to: URL(filePath: bench.directory.path("cafe")))
        #expect(
            try ProgramRun([
                "tar", "-C", bench.directory.path("debian"), "-cf", bench.directory.path("d.tar"), ".",
            ]).status == 0)
        try FileManager.default.copyItem(
            atPath: bench.directory.path("d.tar"), toPath: bench.directory.path("team/d.tar"))
        // Without skopeo vmm cannot pull from a registry.
        let only = "PATH=/nowhere"
        for (word, status, cure) in [
            ("debian", 69, "./debian"), ("cafe", 69, "./cafe"), ("debian:12", 69, "./debian:12"),
            ("d.tar", 64, "./d.tar"),
            ("d.tar:x", 64, "docker://d.tar:x"), ("team/tool", 64, "./team/tool"), ("other", 69, "apt-get"),
            ("docker.io/three/names/deep", 64, "docker://docker.io"),
        ] as [(String, Int32, String)] {
            try bench.expectRefusal(bench.shellCommand("\(only) vmm image import \(word)"), status, cure)
            let run = try bench.shell("\(only) vmm run --kernel cafe --initrd cafe \(word) true")
            #expect(run.status == 125 && run.error.contains(cure), "\(run)")
        }
        try bench.expectRefusal(
            bench.shellCommand("\(only) vmm image import debian"), 69, "apt-get", "./debian")
        for path in [
            "./debian", "oci:debian", "$PWD/debian", "./team/tool", "Upper/Tool", "./d.tar",
            "oci-archive:d.tar", "three/names/deep", "team/d.tar",
        ] {
            let run = try bench.shell("\(only) vmm image import \(path)")
            #expect(run.status == 0, "\(path): \(run.error)")
        }
    }

    @Test("tells a name that follows a file from a second image")
    func mistakenNames() throws {
        let bench = try ImageFixture()
        try bench.layout().image([ImageFixture.archive()])
        try FileManager.default.createDirectory(
            atPath: bench.directory.path("root/bin"), withIntermediateDirectories: true)
        for path in ["./layout", "oci:layout", "rootfs:root", "./root"] {
            try bench.expectRefusal(
                bench.shellCommand("vmm image import \(path) tool:1"), 64, "'tool:1'", "--name tool:1",
                "docker://tool:1")
            let run = try bench.shell(
                "vmm image import \(path) --name tool:1 && vmm run --kernel $VMM --initrd $VMM --pull never tool:1"
            )
            #expect(run.output.count == 65 && run.error.contains("Name a command"), "\(run)")
        }
        #expect(try bench.shell("vmm image import ./layout ./root").output.count == 130)
    }

    @Test("kills a helper that does not heed the first signal, before a second one ends it")
    func deafHelper() throws {
        let bench = try ImageFixture()
        let tools = bench.directory.path("tools")
        try FileManager.default.createDirectory(atPath: tools, withIntermediateDirectories: false)
        let mark = bench.directory.path("skopeo.pid")
        let script =
            "#!/bin/bash\ntrap 'echo told >>\(mark).told' TERM\necho $$ >\(mark)\nwhile :; do read -t 1 <> <(:); done\n"
        try ExecutableFile.write(Array(script.utf8), to: tools + "/skopeo")
        var environment = bench.environment
        environment["PATH"] = tools + ":" + (environment["PATH"] ?? "")
        let child = try ChildProcess(bench.importing("localhost:1/x"), environment: environment)
        let helper = try eventually("the helper") {
            (try? String(contentsOfFile: mark, encoding: .utf8)).flatMap { Int32($0.dropLast()) }
        }
        child.send(SIGTERM)
        try eventually("the first signal") { FileManager.default.fileExists(atPath: mark + ".told") }
        #expect(child.isRunning && kill(helper, 0) == 0)
        child.send(SIGTERM)
        #expect(try child.wait() == .signalled(SIGTERM))
        #expect(kill(helper, 0) != 0 && errno == ESRCH)
        #expect(bench.leftovers.isEmpty)
    }

    @Test("pulls nothing into a store whose path skopeo would take apart")
    func colon() throws {
        var bench = try ImageFixture()
        bench.environment["VMM_STORE"] = bench.directory.path("a:b")
        try bench.expectRefusal(bench.importing("localhost:1/x"), 64, "colon", "VMM_STORE")
        #expect(bench.directory.tree("a").isEmpty)
    }

    @Test("names the store that is full, and what is free there; nothing half-made stays")
    func fullStore() throws {
        let bench = try ImageFixture()
        let archive = try ImageFixture.archive(byteCount: 8 << 20)
        try bench.layout().image([archive])
        try FileManager.default.createDirectory(atPath: bench.store, withIntermediateDirectories: false)
        // The mount is visible only in its namespace, so the files are listed there.
        let script =
            #""$@"; status=$?; find \#(bench.store) -mindepth 2 >&2; exit $status"#
        let command = Namespace.command(
            ["mount -t tmpfs -o size=4m,mode=700 tmpfs \(bench.store)"],
            ["sh", "-c", script, "sh"] + bench.importing(bench.directory.path("layout")))
        try bench.expectRefusal(
            command, 71, bench.store, "no space left", "needs more than the 4.1 MB", "VMM_STORE",
            "vmm image prune")
    }

    @Test("imports nothing into a store on a read-only file system, but reads from it")
    func readOnlyStore() throws {
        let bench = try ImageFixture()
        try bench.layout("a").image([ImageFixture.archive()])
        try bench.layout("b").image([ImageFixture.archive("other")])
        #expect(try bench.image("import", bench.directory.path("a")).status == 0)
        let readOnly = [
            "mount --bind \(bench.directory.path) \(bench.directory.path)",
            "mount -o remount,ro,bind \(bench.directory.path)",
        ]
        try bench.expectRefusal(
            Namespace.command(readOnly, bench.importing(bench.directory.path("b"))), 71, bench.store,
            "read-only",
            "VMM_STORE")
        let list = try ProgramRun(
            Namespace.command(readOnly, [Monitor.program, "image", "list"]), environment: bench.environment)
        #expect(list.status == 0 && list.output.split(separator: "\n").count == 2)
        try FileManager.default.removeItem(atPath: bench.store)
        try bench.expectRefusal(
            Namespace.command(readOnly, bench.importing(bench.directory.path("b"))), 71, bench.store,
            "read-only")
    }

    @Test("takes a file of 10 GB of zeroes for what it is")
    func zeroes() throws {
        let bench = try ImageFixture()
        let run = try bench.image("import", try Zeroes.layout.get().path, seconds: 300)
        #expect(run.status == 0, "\(run.error)")
        let used = try ProgramRun(["du", "-sk", bench.store]).output.prefix { $0.isNumber }
        #expect(try #require(Int(used)) < 1024, "kilobytes on the disk")
    }

    @Test("takes a layer of 200,000 small files")
    func manyFiles() throws {
        let bench = try ImageFixture()
        // A layer of 200 directories with 1,000 files each, half of them hard links.
        let layout = try bench.layout(
            madeBy: """
                python3 -c '
                import os
                for d in range(200):
                    os.mkdir(f"d{d}")
                    for f in range(500):
                        with open(f"d{d}/f{f}", "w") as file: file.write(f"{d} {f}")
                        os.link(f"d{d}/f{f}", f"d{d}/l{f}")
                '
                """.replacing("\n                ", with: "\n"))
        let run = try bench.image("import", layout.path, seconds: 300)
        #expect(run.status == 0, "\(run.error)")
        #expect(try bench.image("list").output.contains(run.output.prefix(12)))
    }

    @Test(
        "that is killed or interrupted leaves nothing that is used, and the next one cleans up",
        arguments: [SIGKILL, SIGINT, SIGTERM])
    func interrupted(signal: Int32) throws {
        let bench = try ImageFixture()
        let child = try ChildProcess(
            bench.importing(try Zeroes.layout.get().path), environment: bench.environment)
        try eventually("a layer that is being made") { bench.leftovers.contains { $0.hasSuffix(".erofs") } }
        child.send(signal)
        #expect(try child.wait() == .signalled(signal))
        #expect(bench.leftovers.isEmpty == (signal != SIGKILL))
        #expect(bench.content.filter { !$0.hasPrefix("tmp/") }.isEmpty)
        #expect(try bench.image("list", "--json").output == "[]\n")
        let other = try bench.layout("other")
        try other.image([ImageFixture.archive()])
        #expect(try bench.image("import", other.path).status == 0)
        #expect(bench.leftovers.isEmpty)
    }

    @Test("of one image twice at once does the work once")
    func twice() throws {
        let bench = try ImageFixture()
        let layout = try bench.layout(madeBy: "truncate -s 2G zeroes; seq 100000 >numbers")
        let children = try (0..<2).map { _ in
            try ChildProcess(bench.importing(layout.path), environment: bench.environment)
        }
        for child in children { #expect(try child.wait() == .exited(0)) }
        #expect(bench.leftovers.isEmpty)
        #expect(bench.directory.tree("store/layers").count == 1)
    }
}

/// An image with a file of 10 GB of zeroes, made once.
private enum Zeroes {
    private static let bench = Result { try ImageFixture() }
    static let layout = Result {
        try bench.get().layout(madeBy: "truncate -s 10G zeroes")
    }
}
