import Foundation
import Host
import Layers
import Tar
import Testing

@Suite struct TarIndexTests {
    private static let make = """
        mkdir -p blobs/sha256 old new; printf '{}' >index.json; head -c 300000 /dev/urandom >blobs/sha256/one
        printf layer >old/layer.tar; ln -s ../old/layer.tar new/layer.tar; ln -s /nowhere dangling
        ln -s loop loop; ln -s ../../../etc/passwd outside; ln index.json hard
        """

    @Test(arguments: ["cat", "gzip -c", "zstd -cq"]) func filesAreReadWhereTheyLie(_ packer: String) throws {
        let workshop = try ToolDirectory()
        try workshop.shell(Self.make)
        try workshop.shell("mkdir s; tar -cf - --exclude=s --exclude=a . | \(packer) >a")
        let index = try TarIndex(opening: workshop.path + "/a", scratch: workshop.path + "/s")
        for (name, file) in [
            ("index.json", "index.json"), ("./blobs/sha256/one", "blobs/sha256/one"), ("hard", "index.json"),
            ("old/layer.tar", "old/layer.tar"), ("new/layer.tar", "old/layer.tar"),
        ] {
            let isThere = index.has(name)
            #expect(isThere)
            var source = try index.source(of: name, as: "layer")
            let bytes = try source.bytes(upTo: 1 << 20)
            #expect(try bytes == workshop.bytes(file))
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
        try workshop.shell("test -z \"$(ls -A s)\"")
    }

    @Test(arguments: ["cat", "gzip -c", "zstd -cq"]) func nothingAtAllIsNoImage(_ packer: String) throws {
        let workshop = try ToolDirectory()
        try workshop.shell("\(packer) </dev/null >a")
        do throws(Failure) {
            _ = try TarIndex(opening: workshop.path + "/a", scratch: workshop.path)
            Issue.record("it is an archive")
        } catch {
            #expect(error.why == "it is empty")
        }
    }

    @Test func onlySoMuchIsReadIntoMemory() throws {
        let workshop = try ToolDirectory()
        try workshop.shell("head -c 1000 /dev/zero >f; tar -cf a f")
        let index = try TarIndex(opening: workshop.path + "/a", scratch: workshop.path)
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
        let workshop = try ToolDirectory()
        try Data(archive).write(to: URL(filePath: workshop.path + "/a"))
        #expect(failure(opening: workshop.path + "/a")?.why == "it has too many files for an image")
    }

    @Test func anArchiveThatEndsInAFile() throws {
        let workshop = try ToolDirectory()
        try workshop.shell("head -c 100000 /dev/zero >f; tar -cf - f | head -c 50000 >a")
        let failure = failure(opening: workshop.path + "/a")
        #expect(failure?.why.hasPrefix("it is truncated") == true)
    }

    @Test func whatIsNoArchive() throws {
        let workshop = try ToolDirectory()
        try workshop.shell("seq 1 1000 >text; mkdir d; : >empty")
        #expect(failure(opening: workshop.path + "/text")?.why == "it is not a tar archive")
        #expect(failure(opening: workshop.path + "/empty")?.why == "it is empty")
        #expect(failure(opening: workshop.path + "/d")?.why == "it is a directory")
        #expect(failure(opening: "/dev/null")?.why == "it is not a regular file")
        #expect(failure(opening: workshop.path + "/none")?.kind == .missingInput)
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
