import Foundation
import Host
import TestSupport
import Testing

@Suite("operations on files")
struct FilesTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("directories are made with their parents, and made again without harm")
    func makeDirectories() throws {
        for _ in 0..<2 { try Files.makeDirectories(directory.path("a/b/c")) }
        #expect(directory.tree() == ["a", "a/b", "a/b/c"])
        try WholeFile.write("x", to: directory.path("file"))
        #expect(throws: (any Error).self) { try Files.makeDirectories(directory.path("file/below")) }
        #expect(throws: (any Error).self) { try Files.makeDirectories(directory.path("file")) }
    }

    @Test("a tree is removed with its links, and nothing that they lead to")
    func removeTree() throws {
        try Files.makeDirectories(directory.path("tree/inner"))
        try Files.makeDirectories(directory.path("outside"))
        for name in ["outside/kept", "tree/file", "tree/inner/file"] {
            try WholeFile.write("x", to: directory.path(name))
        }
        for name in ["tree/link", "tree/inner/link"] {
            try FileManager.default.createSymbolicLink(
                atPath: directory.path(name), withDestinationPath: directory.path("outside"))
        }
        Files.removeTree(directory.path("nothing"))
        Files.removeTree(directory.path("tree"))
        #expect(directory.tree() == ["outside", "outside/kept"])
        Files.removeTree(directory.path("outside/kept"))
        #expect(directory.tree() == ["outside"])
    }

    @Test("a file is written whole, with the access that was asked for")
    func write() throws {
        let bytes = [UInt8](repeating: 7, count: 100_000)
        for mode in [0o644, 0o700] as [UInt32] {
            let path = directory.path("\(mode)")
            for content in [bytes, [1]] { try WholeFile.write(content, to: path, mode: mode) }
            #expect(try WholeFile.read(path, upTo: 10) == [1])
            #expect(try #require(FileStatus(of: path)).status.st_mode & 0o777 == mode)
        }
    }
}
