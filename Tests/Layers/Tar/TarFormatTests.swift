import Host
import Layers
import Testing

/// What GNU tar, bsdtar and Python write, in each format that they know, is the tree that they were given.
@Suite struct TarFormatTests {
    /// Names beyond 100 bytes need what each format has for them.
    private static let longName = String(repeating: "directory-of-some-length/", count: 6) + "file"

    private static let tree = """
        mkdir -p tree/empty tree/sub
        printf 'hello\\n' >tree/hello
        : >tree/nothing
        head -c 100000 /dev/urandom >tree/sub/noise
        ln tree/hello tree/sub/other-name
        ln -s /etc/passwd tree/absolute
        ln -s ../hello tree/sub/relative
        mkfifo tree/fifo
        chmod 4755 tree/sub/noise; chmod 1777 tree/empty; chmod 600 tree/nothing
        touch -d '2001-02-03 04:05:06' tree/hello tree/fifo tree/sub/noise tree/nothing
        touch -h -d '1999-01-01 00:00:01' tree/absolute tree/sub/relative
        printf 'caf\\303\\251' >$'tree/caf\\303\\251'; printf 'latin' >$'tree/caf\\351'
        touch -d '2020-01-01' tree/caf*
        """

    private static let longTree =
        tree + """

            mkdir -p "tree/$(dirname "\(longName)")"; printf deep >"tree/\(longName)"
            ln -s "$(printf 'x%.0s' {1..150})" tree/long-target
            ln "tree/\(longName)" tree/long-link
            touch -h -d '2020-01-01' "tree/\(longName)" tree/long-target
            """

    private static let touchDirectories = "\nfind tree -type d -exec touch -d '2002-02-02' {} +"

    struct Tool: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let command: String
        var takesLongNames = true
    }

    static let tools = [
        Tool(
            testDescription: "GNU tar, v7", command: "rm tree/fifo; tar -cf a --format=v7 -C tree .",
            takesLongNames: false),
        Tool(testDescription: "GNU tar, oldgnu", command: "tar -cf a --format=oldgnu -C tree ."),
        Tool(testDescription: "GNU tar, gnu", command: "tar -cf a --format=gnu -C tree ."),
        Tool(
            testDescription: "GNU tar, ustar", command: "tar -cf a --format=ustar -C tree .",
            takesLongNames: false),
        Tool(testDescription: "GNU tar, pax", command: "tar -cf a --format=pax -C tree ."),
        Tool(
            testDescription: "bsdtar, ustar", command: "bsdtar -cf a --format=ustar -C tree .",
            takesLongNames: false),
        Tool(testDescription: "bsdtar, gnutar", command: "bsdtar -cf a --format=gnutar -C tree ."),
        Tool(testDescription: "bsdtar, pax", command: "bsdtar -cf a --format=pax -C tree ."),
        Tool(testDescription: "bsdtar, restricted pax", command: "bsdtar -cf a -C tree ."),
        Tool(testDescription: "Python, GNU", command: python("GNU")),
        Tool(testDescription: "Python, pax", command: python("PAX")),
    ]

    private static func python(_ format: String) -> String {
        """
        python3 -c 'import tarfile
        with tarfile.open("a", "w", format=tarfile.\(format)_FORMAT, encoding="utf-8") as a: a.add("tree", ".")'
        """
    }

    @Test(arguments: tools) func anArchiveIsItsTree(_ tool: Tool) throws {
        let tools = try ToolDirectory()
        try tools.shell((tool.takesLongNames ? Self.longTree : Self.tree) + Self.touchDirectories)
        try tools.shell(tool.command)
        var expected = RecordingSink()
        try DirectoryTree(opening: tools.path + "/tree").read(into: &expected)
        let found = try RecordingSink.read(tools.bytes("a"))
        expectSame(found.byPath, expected.complete().byPath)
    }

    private func expectSame(
        _ found: [LayerPath: RecordingSink.File], _ expected: [LayerPath: RecordingSink.File]
    ) {
        #expect(Set(found.keys) == Set(expected.keys))
        let (links, names) = (links(found), links(expected))
        #expect(links == names)
        for (path, wanted) in expected {
            guard let file = found[path] else { continue }
            #expect(file.entry.permissions == wanted.entry.permissions, "\(path)")
            #expect(file.entry.userID == wanted.entry.userID && file.entry.groupID == wanted.entry.groupID)
            // Sub-second times are pax' alone, and the test's times are whole.
            #expect(file.entry.seconds == wanted.entry.seconds, "\(path)")
            #expect(content(path, found) == content(path, expected), "\(path)")
            if !names.contains(where: { $0.contains(path) }) { #expect(file.entry.kind == wanted.entry.kind) }
        }
    }

    /// The sets of names that are one file: which of them comes first is the writer's choice.
    private func links(_ files: [LayerPath: RecordingSink.File]) -> Set<Set<LayerPath>> {
        var sets: [LayerPath: Set<LayerPath>] = [:]
        for (path, file) in files {
            if case .hardLink(let first) = file.entry.kind { sets[first, default: [first]].insert(path) }
        }
        return Set(sets.values)
    }

    private func content(_ path: LayerPath, _ files: [LayerPath: RecordingSink.File]) -> [UInt8]? {
        if case .hardLink(let first) = files[path]?.entry.kind { return files[first]?.content }
        return files[path]?.content
    }

    @Test(arguments: [1, 7, 511, 512, 513, 4096, 65537])
    func thePiecesDoNotMatter(_ pieceByteCount: Int) throws {
        let tools = try ToolDirectory()
        try tools.shell(Self.longTree)
        try tools.shell("tar -cf a --format=gnu -C tree . && tar -cf b --format=pax -C tree .")
        for name in ["a", "b"] {
            let archive = try tools.bytes(name)
            #expect(
                try RecordingSink.read(archive, pieceByteCount: pieceByteCount) == RecordingSink.read(archive)
            )
        }
    }

    @Test func paxHasTimesBelowASecond() throws {
        let tools = try ToolDirectory()
        try tools.shell("touch -d '2001-02-03 04:05:06.123456789' f; touch -d '1960-01-01 00:00:00.25Z' g")
        try tools.shell("tar -cf a --format=pax f g")
        let files = try RecordingSink.read(tools.bytes("a"))
        #expect(files.file("f")?.entry.nanoseconds == 123_456_789)
        #expect(files.file("g")?.entry.seconds == -315_619_200)
        #expect(files.file("g")?.entry.nanoseconds == 250_000_000)
    }

    @Test(arguments: ["gnu", "pax"]) func largeOwnersAndOldTimes(_ format: String) throws {
        let tools = try ToolDirectory()
        try tools.shell("touch -d '1950-01-01Z' f")
        try tools.shell("tar -cf a --format=\(format) --owner=x:4000000000 --group=y:3000000 f")
        let entry = try #require(try RecordingSink.read(tools.bytes("a")).file("f")?.entry)
        #expect(entry.userID == 4_000_000_000 && entry.groupID == 3_000_000)
        #expect(entry.seconds == -631_152_000)
    }

    @Test(arguments: ["tar --xattrs --xattrs-include=*", "bsdtar --xattrs"])
    func extendedAttributes(_ tool: String) throws {
        // `=` would end the key.
        let name = "user.a = 100%"
        let tools = try ToolDirectory()
        try tools.python(
            """
            import os
            open('f', 'w'); os.mkdir('d')
            os.setxattr('f', 'user.text', b'value'); os.setxattr('f', 'user.bytes', bytes(range(256)))
            os.setxattr('d', '\(name)', b'x' * 30)
            """)
        try tools.shell("\(tool) --format=pax -cf a f d")
        let files = try RecordingSink.read(tools.bytes("a"))
        var expected = RecordingSink()
        try DirectoryTree(opening: tools.path).read(into: &expected)
        for path in ["f", "d"] {
            let found = try #require(files.file(path)).entry.attributes
            #expect(!found.isEmpty)
            #expect(Set(found) == Set(expected.files.file(path)?.entry.attributes ?? []), "\(path)")
        }
        #expect(
            files.file("d")?.entry.attributes
                == [ExtendedAttribute(name: Array(name.utf8), value: Array(repeating: 120, count: 30))])
    }
}
