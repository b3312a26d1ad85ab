import Host
import Testing

@testable import Containers
@testable import Images

@Suite("The name of an image in a registry")
struct RegistryReferenceTests {
    @Test(
        "a short name is completed as docker completes it",
        arguments: [
            ("alpine", "docker.io/library/alpine:latest"),
            ("debian:12", "docker.io/library/debian:12"),
            ("team/tool", "docker.io/team/tool:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("index.docker.io/alpine:3", "docker.io/library/alpine:3"),
            ("localhost/x", "localhost/x:latest"),
            ("localhost:5000/x", "localhost:5000/x:latest"),
            ("localhost:5000/x:y", "localhost:5000/x:y"),
            ("quay.io/a/b/c:1.2-3_4", "quay.io/a/b/c:1.2-3_4"),
            ("[::1]:5000/x", "[::1]:5000/x:latest"),
            ("a.b-c:80/d__e---f/g_h.i", "a.b-c:80/d__e---f/g_h.i:latest"),
        ])
    func complete(_ text: String, _ whole: String) throws {
        #expect(try RegistryReference(parsing: text).description == whole)
        #expect(try RegistryReference(parsing: whole).description == whole)
    }

    @Test("a name with a digest needs no tag and may have one")
    func digests() throws {
        let digest = "sha256:" + String(repeating: "0a", count: 32)
        #expect(try RegistryReference(parsing: "x@" + digest).description == "docker.io/library/x@" + digest)
        #expect(
            try RegistryReference(parsing: "x:1@" + digest).description == "docker.io/library/x:1@" + digest)
    }

    @Test(
        "an invalid name is refused",
        arguments: [
            "", "/", "a/", "/a", "a//b", "A", "a/B", "-a", "a-", "a..b", "a._b", "a___b", ".a", "a:", ":a",
            "a:b:c",
            "a:.b", "a:-b", "a@", "a@sha256:", "a@sha256:zz", "a@sha512:00", "a b", "a\u{1B}[m", "é", "a:é",
            "localhost:x/y", "-x.y/z", "x-.y/z", "x..y/z", "[::1/x", "[]/x", "../etc", "a/../b",
            String(repeating: "a", count: 256), "a:" + String(repeating: "b", count: 129),
            "a@sha256:" + String(repeating: "0A", count: 32),
        ])
    func refused(_ text: String) {
        #expect(throws: Failure.self) { try RegistryReference(parsing: text) }
    }

    @Test("a registry on this machine is recognized")
    func loopback() throws {
        for text in ["localhost/x", "localhost:1/x", "127.0.0.1:1/x", "127.9.9.9/x", "[::1]:1/x"] {
            #expect(try RegistryReference(parsing: text).isLoopback, "\(text)")
        }
        for text in [
            "x", "127.0.0.1.example.org/x", "127.0.0.example/x", "localhost.org/x", "128.0.0.1/x", "[::2]/x",
        ] {
            #expect(try !RegistryReference(parsing: text).isLoopback, "\(text)")
        }
    }

    @Test("a registry name is one of the forms that a user may write")
    func names() throws {
        #expect(try ImageName(parsing: "alpine") == .word("alpine"))
        #expect(try ImageName(parsing: "docker://alpine") == .registry(RegistryReference(parsing: "alpine")))
        #expect(try ImageName(parsing: "oci:a:b") == .path("a:b", kind: .layout))
        #expect(try ImageName(parsing: "oci-archive:a") == .path("a", kind: .layoutArchive))
        #expect(try ImageName(parsing: "docker-archive:a") == .path("a", kind: .dockerArchive))
        #expect(try ImageName(parsing: "rootfs:/") == .path("/", kind: .rootFileSystem))
        #expect(try ImageName(parsing: "./a") == .path("./a", kind: nil))
        #expect(try ImageName(parsing: "/a") == .path("/a", kind: nil))
        #expect(try ImageName(parsing: "-") == .path("/dev/stdin", kind: nil))
        #expect(try ImageName(parsing: "docker-archive:-") == .path("/dev/stdin", kind: .dockerArchive))
        #expect(try ImageName(parsing: "a/b.tar") == .word("a/b.tar"))
        for text in ["", "oci:", "rootfs:", "docker://", "docker://A"] {
            #expect(throws: Failure.self) { try ImageName(parsing: text) }
        }
    }
}
