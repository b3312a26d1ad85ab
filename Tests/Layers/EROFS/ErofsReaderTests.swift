import Host
import Testing

@testable import EROFS
@testable import Layers

@Suite("Files of an image, read on the host")
struct ErofsReaderTests {
    private func reader() throws -> ErofsReader {
        var (lower, upper) = (TestLayer(), TestLayer())
        lower.file("etc/passwd", Array("root:x:0:0\n".utf8))
        lower.file("usr/share/large", Array(repeating: 7, count: 30_000))
        lower.file("zeroes", parts: [.hole(100_000)])
        upper.add("etc/alias", .symbolicLink(target: Array("passwd".utf8)))
        upper.add("share", .symbolicLink(target: Array("/usr/../usr/./share".utf8)))
        upper.add("up", .symbolicLink(target: Array("../../etc".utf8)))
        upper.add("circle", .symbolicLink(target: Array("circle".utf8)))
        return try TestImage([lower, upper]).reader()
    }

    @Test("content comes from either layer, through links that stay inside the image")
    func contents() throws {
        let reader = try reader()
        let passwd = Array("root:x:0:0\n".utf8)
        for path in [
            "/etc/passwd", "etc//passwd", "/etc/alias", "up/alias", "/../etc/./passwd",
            "share/../../etc/passwd",
        ] {
            #expect(try reader.contents(of: path) == passwd, "\(path)")
        }
        #expect(try reader.contents(of: "share/large") == Array(repeating: 7, count: 30_000))
        #expect(try reader.contents(of: "zeroes") == Array(repeating: 0, count: 100_000))
    }

    @Test("a path without a file gives nil, and a file that is too large a failure")
    func nothing() throws {
        let reader = try reader()
        for path in ["", "/", "etc", "no", "etc/passwd/below", "circle", "no/../etc/passwd"] {
            #expect(try reader.contents(of: path) == nil, "\(path)")
        }
        #expect(throws: Failure.self) { try reader.contents(of: "share/large", atMost: 29_999) }
    }

    @Test("an image without layers has an empty root")
    func empty() throws {
        #expect(try TestImage([]).reader().seen() == ["": SeenFile(mode: 0o040755)])
        #expect(try TestImage([TestLayer()]).reader().seen() == ["": SeenFile(mode: 0o040755)])
    }
}
