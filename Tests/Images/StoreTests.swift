import Foundation
import Host
import Layers
import Synchronization
import TestSupport
import Testing

@testable import Containers
@testable import EROFS
@testable import Images

@Suite("The store")
struct StoreTests {
    @Test("is made with the first image and is what it is called")
    func layout() throws {
        let bench = try StoreFixture()
        let identifier = try bench.layout().image([StoreFixture.archive()])
        try bench.take(bench.directory.path("layout"))
        let layer = SHA256.digest(of: StoreFixture.archive()).hexadecimal
        let name = try NameRecord.fileName(of: "oci:" + Files.resolved(bench.directory.path("layout")))
        #expect(
            bench.tree == [
                "images", "images/\(identifier)", "images/\(identifier)/config.json",
                "images/\(identifier)/index.erofs", "images/\(identifier)/record", "layers",
                "layers/\(layer).erofs", "names", "names/\(name)", "tmp", "version",
            ])
        #expect(FileStatus(of: bench.storePath)?.status.st_mode == 0o40700, "nobody else looks into images")
    }

    @Test("of another version is left alone, and so is a directory that is none")
    func versions() throws {
        let bench = try StoreFixture()
        _ = try bench.store()
        try Data("2\n".utf8).write(to: URL(filePath: bench.storePath + "/version"))
        #expect(throws: Failure.self) { try bench.store().list() }
        let before = bench.tree
        for text in ["", "10", "\u{1B}[m", String(repeating: "1", count: 1000)] {
            try Data(text.utf8).write(to: URL(filePath: bench.storePath + "/version"))
            let failure = #expect(throws: Failure.self) { try bench.store().list() }
            #expect(failure?.kind == .unavailable && failure?.description.contains("\u{1B}") == false)
        }
        #expect(bench.tree == before)
        let home = bench.directory.path("home")
        try FileManager.default.createDirectory(atPath: home + "/photos", withIntermediateDirectories: true)
        let failure = #expect(throws: Failure.self) { try ImageStore.open(at: home).list() }
        #expect(failure?.kind == .usage && failure?.cure?.contains("VMM_STORE") == true)
        #expect(bench.directory.tree("home") == ["photos"])
    }

    @Test("is listed as JSON without anything that a terminal obeys")
    func listing() {
        let image = ImageListing(
            name: "a", identifier: "b", byteCount: 1, layerCount: 1, created: "\u{1B}[2J\u{9B}2J\u{7F}",
            imported: 0)
        #expect(ImageTable.json([image]).contains(#""created": "\u001b[2J\u009b2J\u007f""#))
    }

    @Test("that others can write to is not believed")
    func strangers() throws {
        let bench = try StoreFixture()
        _ = try bench.store()
        for (mode, isWell) in [
            (mode_t(0o700), true), (0o755, true), (0o775, true), (0o707, false), (0o1777, false),
        ] {
            #expect(unsafe chmod(bench.storePath, mode) == 0)
            if isWell {
                #expect(throws: Never.self) { try bench.store().list() }
                continue
            }
            let failure = #expect(throws: Failure.self) { try bench.store().list() }
            #expect(failure?.kind == .notPermitted && failure?.cure?.contains("VMM_STORE") == true)
        }
        for (owner, user, isWell) in [(0, 0, true), (0, 7, true), (7, 7, true), (7, 0, false), (7, 8, false)]
        {
            #expect(StoreDirectory.isTrusted(owner: uid_t(owner), mode: 0o700, by: uid_t(user)) == isWell)
            #expect(
                StoreDirectory.isTrustedParent(owner: uid_t(owner), mode: 0o755, by: uid_t(user)) == isWell)
        }
    }

    @Test("that lies where others can put another into its place is not believed")
    func strangersAbove() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.createDirectory(
            atPath: directory.path("a/b"), withIntermediateDirectories: true)
        let path = directory.path("a/b/store")
        for (mode, isWell) in [(mode_t(0o755), true), (0o1777, true), (0o777, false)] {
            #expect(unsafe chmod(directory.path("a"), mode) == 0)
            for _ in 0..<2 {
                if isWell {
                    #expect(throws: Never.self) { try ImageStore.open(at: path).list() }
                    continue
                }
                let failure = #expect(throws: Failure.self) { try ImageStore.open(at: path).list() }
                #expect(failure?.kind == .notPermitted && failure?.why.contains(directory.path("a")) == true)
            }
        }
    }

    @Test("finds an image by its names, by a path and by the start of its identifier")
    func lookup() throws {
        let bench = try StoreFixture()
        let identifier = try bench.layout().image([StoreFixture.archive()])
        let image = try bench.take(bench.directory.path("layout"), called: "team/tool")
        for name in [
            "team/tool", "team/tool:latest", "docker.io/team/tool", "docker://team/tool", identifier,
            "sha256:" + identifier, String(identifier.prefix(12)), bench.directory.path("layout"),
        ] {
            #expect(try bench.find(name, pull: .never) == image, "\(name)")
        }
        for name in ["team/other", "tool", "team/tool:2", String(identifier.prefix(3)), "0000000000000000"] {
            let failure = #expect(throws: Failure.self) { try bench.find(name, pull: .never) }
            #expect(failure?.kind == .missingInput, "\(name)")
        }
    }

    @Test("takes a word for an identifier only where it cannot well be a name")
    func identifiers() throws {
        let bench = try StoreFixture()
        let identifier = try bench.layout().image([StoreFixture.archive()])
        try bench.take(bench.directory.path("layout"))
        for count in [4, 8, 11] {
            let failure = #expect(throws: Failure.self) {
                try bench.find(String(identifier.prefix(count)), pull: .never)
            }
            #expect(failure?.why.contains("is not in") == true, "\(String(describing: failure))")
        }
        for count in [12, 20, 64] {
            #expect(try bench.find(String(identifier.prefix(count)), pull: .never).identifier == identifier)
        }
        // Nothing in a registry can be removed, so here it is no name.
        #expect(try bench.store().remove(String(identifier.prefix(4)), progress: .silent) != nil)
    }

    @Test("says which names an archive moves, and keeps those that a registry gave")
    func movedNames() throws {
        let bench = try StoreFixture()
        func archive(_ text: String) throws -> String {
            let layout = try bench.layout("layout")
            try layout.image([StoreFixture.archive("text", text)], tag: "docker.io/library/debian:12")
            return layout.path
        }
        let path = try archive("one")
        let first = try bench.take(path)
        #expect(first.notice == nil)
        _ = try archive("two")
        let second = try bench.take(path)
        #expect(
            second.notice?.contains("docker.io/library/debian:12 (was \(first.identifier.prefix(12)))")
                == true)
        #expect(try bench.take(path).notice == nil, "it means that already")
        // As a pull leaves it.
        let catalogue = Catalogue(store: StoreDirectory(path: bench.storePath))
        let workshop = try StagingDirectory(in: catalogue.store)
        var name = NameRecord(name: "docker.io/library/debian:12", identifier: second.identifier)
        name.isFromRegistry = true
        #expect(try catalogue.set([name], workshop: workshop).isEmpty)
        #expect(try bench.take(path).notice == nil)
        #expect(catalogue.name(name.name) == name, "what moves no name does not make it anybody's")
        _ = try archive("three")
        try bench.expectRefusal(path, .usage, "debian:12", "registry", "--move-names", "--name")
        #expect(try bench.find("debian:12").identifier == second.identifier)
        let third = try bench.take(path, called: "mine")
        #expect(try bench.find("mine").identifier == third.identifier)
        #expect(try bench.find("debian:12").identifier == second.identifier)
        let moved = try bench.store().importImage(path, liberties: .movesNames, progress: .silent)
        #expect(moved.notice?.contains("debian:12") == true)
        #expect(try bench.find("debian:12").identifier == third.identifier)
    }

    @Test("takes no image that it could not read back, and does not try for ever")
    func longRecords() throws {
        let bench = try StoreFixture()
        let layout = try bench.layout()
        // As long as a configuration may be; its record is longer by a little.
        let layers = try [layout.layer(StoreFixture.archive())]
        let empty = try layout.configuration(layers, config: #""User": """#)
        let long = String(repeating: "x", count: (8 << 20) - empty.byteCount)
        let configuration = try layout.configuration(layers, config: #""User": "\#(long)""#)
        #expect(configuration.byteCount == 8 << 20)
        try layout.index([try layout.manifest(configuration, layers).descriptor(TestLayout.manifestType)])
        try bench.expectRefusal(layout.path, .badInput, "too long", "8.3 MB")
        #expect(bench.layerFiles.isEmpty)
        let tag = String(repeating: "t", count: 70_000)
        try layout.image([StoreFixture.archive()], tag: tag)
        let failure = #expect(throws: Failure.self) { try bench.take("oci:\(layout.path):\(tag)") }
        #expect(failure?.why == "the name is too long")
    }

    @Test("reads an image that did not change without looking into it, and one that did")
    func stamps() throws {
        let bench = try StoreFixture()
        let layout = try bench.layout()
        try layout.image([StoreFixture.archive()])
        let index = layout.path + "/index.json"
        /// A file that was changed just now is not trusted; so this one was changed long ago.
        func settle() throws {
            let before = try #require(FileStatus(of: index)).status.st_ctim.tv_sec
            try eventually("the file system's clock") { RealTime.seconds() - before > 3 }
        }
        try settle()
        let first = try bench.find(layout.path)
        let written = try bench.stamps()
        let blobs = layout.path + "/blobs"
        try FileManager.default.moveItem(atPath: blobs, toPath: blobs + ".away")
        #expect(try bench.find(layout.path) == first, "nothing but the index's stamp was looked at")
        #expect(try bench.stamps() == written)
        try FileManager.default.moveItem(atPath: blobs + ".away", toPath: blobs)
        try layout.image([StoreFixture.archive("other")])
        let second = try bench.find(layout.path)
        #expect(second.identifier != first.identifier)
    }

    @Test("takes a record that is damaged or of another version for none, and mends it")
    func records() throws {
        let bench = try StoreFixture()
        let identifier = try bench.layout().image([StoreFixture.archive()])
        let path = bench.directory.path("layout")
        let image = try bench.take(path, called: "tool")
        let record = URL(filePath: bench.storePath + "/images/\(identifier)/record")
        let whole = [UInt8](try Data(contentsOf: record))
        for bytes in [[], Array(whole.dropLast()), whole + [0], [3, 0] + whole.dropFirst(2)] {
            try Data(bytes).write(to: record)
            #expect(throws: Failure.self) { try bench.find("tool", pull: .never) }
            #expect(try bench.find(path) == image)
            #expect(try bench.find("tool", pull: .never) == image)
        }
        #expect(bench.leftovers.isEmpty)
    }

    @Test("forgets names one after another, then the image and what only it needs")
    func removal() throws {
        let bench = try StoreFixture()
        let (shared, own) = (StoreFixture.archive("shared"), StoreFixture.archive("own"))
        try bench.layout("a").image([shared, own])
        try bench.layout("b").image([shared])
        let image = try bench.take(bench.directory.path("a"), called: "a:1")
        try bench.take(bench.directory.path("b"), called: "b:1")
        // A machine that runs has the files mapped.
        let reader = try ErofsReader(files: image.files)
        #expect(try bench.store().remove("a:1", progress: .silent) == nil)
        #expect(bench.layerFiles.count == 2)
        let freed = try #require(try bench.store().remove(bench.directory.path("a"), progress: .silent))
        #expect(freed > 4096)
        #expect(bench.layerFiles == [SHA256.digest(of: shared).hexadecimal + ".erofs"])
        #expect(try reader.contents(of: "/own") == Array("hello\n".utf8))
        #expect(try bench.store().list().count == 2)
        let identifier = try bench.find("b:1").identifier
        _ = try bench.store().remove(String(identifier.prefix(12)), progress: .silent)
        #expect(try bench.store().list().isEmpty && bench.layerFiles.isEmpty && bench.leftovers.isEmpty)
        for name in ["b:1", "a", "0123456789ab", "../../etc"] {
            let failure = #expect(throws: Failure.self) { try bench.store().remove(name, progress: .silent) }
            #expect(failure?.kind == .missingInput, "\(name)")
        }
    }

    @Test("is cleaned of what nobody needs, and of nothing else")
    func pruning() throws {
        let bench = try StoreFixture()
        let layout = try bench.layout()
        try layout.image([StoreFixture.archive("old")])
        try bench.take(layout.path)
        // The name leads to another image now.
        try layout.image([StoreFixture.archive("new")])
        let image = try bench.take(layout.path)
        let directory = StoreDirectory(path: bench.storePath)
        try Data("x".utf8).write(to: URL(filePath: directory.layers + "/stray"))
        try FileManager.default.createDirectory(
            atPath: directory.workshops + "/dead", withIntermediateDirectories: false)
        try Data("x".utf8).write(to: URL(filePath: directory.workshops + "/dead/layer-0.erofs"))
        let alive = try StagingDirectory(in: directory)
        try Files.create(alive.file("layer-1.erofs"), [1])
        #expect(try bench.store().prune(progress: .silent) > 0)
        #expect(bench.layerFiles == [SHA256.digest(of: StoreFixture.archive("new")).hexadecimal + ".erofs"])
        #expect(try bench.store().list().map(\.identifier) == [image.identifier])
        #expect(FileStatus(of: alive.file("layer-1.erofs")) != nil, "somebody is working there")
        #expect(bench.leftovers.count == 2)
        _ = consume alive
        #expect(bench.leftovers.isEmpty)
        #expect(try bench.store().prune(progress: .silent) == 0)
    }

    @Test("takes several imports of one image at once, and has it once")
    func concurrency() throws {
        let bench = try StoreFixture()
        let archives = (0..<8).map {
            StoreFixture.archive("file\($0)", String(repeating: "\($0)", count: 100_000))
        }
        try bench.layout().image(archives, .gzip)
        let path = bench.directory.path("layout")
        let images = Mutex<[Image]>([])
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do {
                let image = try bench.take(path)
                images.withLock { $0.append(image) }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(Set(images.withLock { $0 }).count == 1)
        #expect(bench.layerFiles.count == 8 && bench.leftovers.isEmpty)
        let reader = try ErofsReader(files: images.withLock { $0[0] }.files)
        for number in 0..<8 {
            #expect(try reader.contents(of: "/file\(number)")?.count == 100_000)
        }
    }

    @Test("lets imports, removals and lookups happen all at once")
    func turmoil() throws {
        let bench = try StoreFixture()
        for number in 0..<3 {
            try bench.layout("l\(number)").image([
                StoreFixture.archive("shared"), StoreFixture.archive("own\(number)"),
            ])
        }
        _ = try bench.store()
        let strange = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 6) { worker in
            let path = bench.directory.path("l\(worker % 3)")
            for _ in 0..<12 {
                do {
                    switch worker {
                    case 0..<3:
                        // Open, so that nothing is taken away meanwhile.
                        let store = try bench.store()
                        let image = try store.image(for: path, progress: .silent)
                        let reader = try ErofsReader(files: image.files)
                        let text = try reader.contents(of: "/own\(worker)")
                        if text != Array("hello\n".utf8) {
                            strange.withLock { $0.append("\(worker): \(text ?? [])") }
                        }
                        _ = consume store
                    case 3: _ = try bench.store().prune(progress: .silent)
                    default: _ = try? bench.store().remove(path, progress: .silent)
                    }
                } catch {
                    strange.withLock { $0.append("\(worker): \(error)") }
                }
            }
        }
        // A lookup may lose against a removal of its image, and says so; everything else is a mistake of
        // ours.
        let mistakes = strange.withLock { $0 }.filter { !$0.contains("no such file") }
        #expect(mistakes == [])
        #expect(bench.leftovers.isEmpty)
        for number in 0..<3 { try bench.take(bench.directory.path("l\(number)")) }
        #expect(bench.layerFiles.count == 4)
    }
}

@Suite("Records")
struct RecordTests {
    private var record: ImageRecord {
        var configuration = ImageConfiguration()
        configuration.command = ["a", ""]
        configuration.environment = ["é=1"]
        configuration.user = "u"
        let digest = SHA256.digest(of: [])
        return ImageRecord(
            identifier: digest.hexadecimal, configuration: configuration,
            layers: [.init(digest: digest, byteCount: 5), .init(digest: digest, byteCount: 5)],
            indexByteCount: 7, created: "2024", imported: 9)
    }

    @Test("are read as they were written, and a layer that comes twice counts once")
    func roundTrip() {
        #expect(ImageRecord(fileBytes: record.fileBytes) == record)
        #expect(record.byteCount == 12)
        let name = NameRecord(name: "a", identifier: "b", stamp: SourceStamp(of: "/usr"))
        #expect(name.stamp != nil && NameRecord(fileBytes: name.fileBytes) == name)
        #expect(NameRecord(fileBytes: NameRecord(name: "a", identifier: "b").fileBytes)?.stamp == nil)
        var given = name
        given.isFromRegistry = true
        #expect(NameRecord(fileBytes: given.fileBytes) == given)
        // Version 1 had everything but the last byte.
        #expect(NameRecord(fileBytes: [1] + name.fileBytes.dropFirst().dropLast()) == name)
    }

    @Test("that were cut or changed are none, or others, and never a crash")
    func damage() {
        let whole = record.fileBytes
        for count in 0..<whole.count { #expect(ImageRecord(fileBytes: Array(whole.prefix(count))) == nil) }
        for index in whole.indices {
            for byte: UInt8 in [0, 1, 0x7F, 0xFF] where whole[index] != byte {
                var bytes = whole
                bytes[index] = byte
                #expect(ImageRecord(fileBytes: bytes) != record)
            }
        }
    }
}
