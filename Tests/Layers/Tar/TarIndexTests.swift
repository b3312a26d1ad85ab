import Foundation
import Host
import Tar
import Testing

@Suite struct TarIndexTests {
    private static let make = """
        mkdir -p blobs/sha256 old new; printf '{}' >index.json; head -c 300000 /dev/urandom >blobs/sha256/one
        printf layer >old/layer.tar; ln -s ../old/layer.tar new/layer.tar; ln -s /nowhere dangling
        ln -s loop loop; ln -s ../../../etc/passwd outside; ln index.json hard
        """

    @Test(arguments: ["cat", "gzip -c", "zstd -cq"]) func filesAreReadWhereTheyLie(_ packer: String) throws {
        let tools = try ToolDirectory()
        try tools.shell(Self.make)
        try tools.shell("mkdir s; tar -cf - --exclude=s --exclude=a . | \(packer) >a")
        let index = try TarIndex(opening: tools.path + "/a", scratch: tools.path + "/s")
        for (name, file) in [
            ("index.json", "index.json"), ("./blobs/sha256/one", "blobs/sha256/one"), ("hard", "index.json"),
            ("old/layer.tar", "old/layer.tar"), ("new/layer.tar", "old/layer.tar"),
        ] {
            let isThere = index.has(name)
            #expect(isThere)
            var source = try index.source(of: name, as: "layer")
            let bytes = try source.bytes(upTo: 1 << 20)
            #expect(try bytes == tools.bytes(file))
        }
        for name in ["dangling", "loop", "outside", "blobs", "nothing", "", "../a"] {
            let isThere = index.has(name)
            #expect(!isThere, "\(name)")
            do throws(Failure) {
                _ = try index.source(of: name, as: "layer")
                Issue.record("there is a \(name)")
            } catch {
                #expect(error.why == "the archive has no such file")
            }
        }
        // Nothing is left of what a compressed archive was unpacked to.
        try tools.shell("test -z \"$(ls -A s)\"")
    }

    @Test(arguments: ["cat", "gzip -c", "zstd -cq"]) func nothingAtAllIsNoImage(_ packer: String) throws {
        let tools = try ToolDirectory()
        try tools.shell("\(packer) </dev/null >a")
        do throws(Failure) {
            _ = try TarIndex(opening: tools.path + "/a", scratch: tools.path)
            Issue.record("it is an archive")
        } catch {
            #expect(error.why == "it is empty")
        }
    }

    @Test func onlySoMuchIsReadIntoMemory() throws {
        let tools = try ToolDirectory()
        try tools.shell("head -c 1000 /dev/zero >f; tar -cf a f")
        let index = try TarIndex(opening: tools.path + "/a", scratch: tools.path)
        var source = try index.source(of: "f", as: "manifest")
        let bytes = try source.bytes(upTo: 999)
        #expect(bytes == nil)
    }

    /// A few bytes of a compressed archive become megabytes of names, and each part of a name is an object of
    /// its own.
    @Test func namesTakeOnlySoMuchMemory() throws {
        let directories = String(repeating: "a/", count: 2000)
        let archive = TarWriter.archive { tar in
            for number in 0..<1200 {
                let name = Array((directories + String(number)).utf8)
                tar.add(TarWriter.Header("long", type: "L", size: name.count), data: name)
                tar.add(TarWriter.Header("file"))
            }
        }
        let tools = try ToolDirectory()
        try Data(archive).write(to: URL(filePath: tools.path + "/a"))
        #expect(failure(opening: tools.path + "/a")?.why == "it has too many files for an image")
    }

    @Test func anArchiveThatEndsInAFile() throws {
        let tools = try ToolDirectory()
        try tools.shell("head -c 100000 /dev/zero >f; tar -cf - f | head -c 50000 >a")
        let failure = failure(opening: tools.path + "/a")
        #expect(failure?.why.hasPrefix("it is truncated") == true)
    }

    @Test func whatIsNoArchive() throws {
        let tools = try ToolDirectory()
        try tools.shell("seq 1 1000 >text; mkdir d; : >empty")
        #expect(failure(opening: tools.path + "/text")?.why == "it is not a tar archive")
        #expect(failure(opening: tools.path + "/empty")?.why == "it is empty")
        #expect(failure(opening: tools.path + "/d")?.why == "it is a directory")
        #expect(failure(opening: "/dev/null")?.why == "it is not a regular file")
        #expect(failure(opening: tools.path + "/none")?.kind == .missingInput)
    }

    private func failure(opening path: String) -> Failure? {
        do throws(Failure) {
            _ = try TarIndex(opening: path, scratch: "/tmp")
            return nil
        } catch {
            #expect(error.what == "cannot read the image archive \(path)")
            return error
        }
    }
}
