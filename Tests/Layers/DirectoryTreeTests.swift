import Foundation
import Host
import Layers
import Testing

@Suite struct DirectoryTreeTests {
    private func read(_ tools: ToolDirectory, _ name: String = "") throws -> [RecordingSink.File] {
        var sink = RecordingSink()
        try DirectoryTree(opening: tools.path + "/" + name).read(into: &sink)
        return sink.complete()
    }

    private func fingerprint(_ tools: ToolDirectory) throws -> Digest {
        try DirectoryTree(opening: tools.path).fingerprint()
    }

    @Test func filesComeInOrder() throws {
        let tools = try ToolDirectory()
        try tools.shell("mkdir -p b/x b/a a; touch b/x/1 b/a/2 a/3 c B .hidden")
        let names = try read(tools).map { String(decoding: $0.entry.path.bytes, as: UTF8.self) }
        #expect(names == ["", ".hidden", "B", "a", "b", "c", "a/3", "b/a", "b/x", "b/a/2", "b/x/1"])
    }

    @Test func kinds() throws {
        let tools = try ToolDirectory()
        try tools.shell(
            "ln -s /etc/passwd link; mkfifo pipe; mkdir d; printf content >file; ln file other")
        try tools.python("import socket; socket.socket(socket.AF_UNIX).bind('socket')")
        let files = try read(tools)
        #expect(files.file("link")?.entry.kind == .symbolicLink(target: Array("/etc/passwd".utf8)))
        #expect(files.file("pipe")?.entry.kind == .fifo)
        #expect(files.file("socket")?.entry.kind == .socket)
        #expect(files.file("d")?.entry.kind == .directory)
        #expect(files.file("file")?.content == Array("content".utf8))
        #expect(try files.file("other")?.entry.kind == .hardLink(to: LayerPath("file")))
        #expect(files.first?.entry.path == .root && files.first?.entry.kind == .directory)
    }

    @Test func holesStayHoles() throws {
        let tools = try ToolDirectory()
        try tools.python(
            """
            with open('f', 'wb') as f:
                f.seek(1 << 20); f.write(b'data'); f.truncate(3 << 20)
            with open('g', 'wb') as f: f.truncate(1 << 42)
            """)
        let files = try read(tools)
        #expect(try files.file("f")?.content == tools.bytes("f"))
        #expect(files.file("f")?.hasHole == true)
        #expect(files.file("g")?.byteCount == 1 << 42)
        #expect(files.file("g")?.runs.allSatisfy { if case .hole = $0 { true } else { false } } == true)
    }

    /// A link that leads out of the tree is a link, whatever it leads to; nothing behind it is read.
    @Test func linksAreNotFollowed() throws {
        let tools = try ToolDirectory()
        try tools.shell(
            "mkdir tree outside; touch outside/secret; ln -s ../outside tree/link; ln -s . tree/self")
        #expect(try read(tools, "tree").count == 3)
    }

    @Test func aDeepTree() throws {
        let tools = try ToolDirectory()
        try tools.python(
            """
            import os
            for i in range(1500): os.mkdir('d'); os.chdir('d')
            open('f', 'w').write('deep')
            """)
        let files = try read(tools)
        #expect(files.count == 1502 && files.last?.content == Array("deep".utf8))
        try tools.python(
            """
            import os
            for i in range(1500): os.chdir('d')
            for i in range(600): os.mkdir('d'); os.chdir('d')
            """)
        let failure = try #require(throws: Failure.self) { try read(tools) }
        #expect(failure.why == "it is longer than 4095 bytes")
    }

    @Test func whatIsMissing() throws {
        for (path, kind) in [("/nonexistent/root", Failure.Kind.missingInput), ("/dev/null", .missingInput)] {
            do throws(Failure) {
                _ = try DirectoryTree(opening: path)
                Issue.record("\(path) is opened")
            } catch {
                #expect(error.kind == kind && error.what == "cannot read the directory \(path)")
            }
        }
    }

    /// As root nothing is forbidden, so another user reads.
    @Test func whatMayNotBeRead() throws {
        let tools = try ToolDirectory()
        try tools.shell("mkdir d; printf secret >d/f; chmod 000 d/f")
        guard getuid() != 0 else {
            // Root may read everything.
            return #expect(try read(tools).file("d/f")?.content == Array("secret".utf8))
        }
        let failure = try #require(throws: Failure.self) { try read(tools) }
        #expect(failure.kind == .notPermitted && failure.what.contains("\"d/f\"") && failure.cure != nil)
    }

    @Test func aFingerprintSeesEveryChange() throws {
        let tools = try ToolDirectory()
        try tools.shell("mkdir d; printf one >d/f; ln -s x link; touch -d '2001-01-01' d/f")
        var seen = try [fingerprint(tools)]
        #expect(try fingerprint(tools) == seen[0])
        for change in [
            "printf two >d/f; touch -d '2001-01-01' d/f", "chmod 600 d/f", "touch d/f", "touch new",
            "mv new newer",
            "rm newer", "ln -sfn y link", "ln d/f d/g", "cp -p d/f d/h && mv d/h d/f",
        ] {
            try tools.shell(change)
            let after = try fingerprint(tools)
            #expect(!seen.contains(after), "\(change)")
            seen.append(after)
        }
    }
}
