import Foundation
import Host
import Layers
import Synchronization
import TestSupport
import Testing

@testable import Containers
@testable import EROFS
@testable import Images

@Suite("The image store")
struct StoreTests {
    @Test("the first image makes the store, at the path in VMM_STORE")
    func layout() throws {
        let fixture = try StoreFixture()
        let identifier = try fixture.layout().image([StoreFixture.archive()])
        try fixture.take(fixture.directory.path("layout"))
        let layer = SHA256.digest(of: StoreFixture.archive()).hexadecimal
        let name = try NameRecord.fileName(of: "oci:" + Files.resolved(fixture.directory.path("layout")))
        #expect(
            fixture.tree == [
                "images", "images/\(identifier)", "images/\(identifier)/config.json",
                "images/\(identifier)/index.erofs", "images/\(identifier)/record", "layers",
                "layers/\(layer).erofs", "names", "names/\(name)", "tmp", "version",
            ])
        #expect(FileStatus(of: fixture.storePath)?.status.st_mode == 0o40700, "nobody else looks into images")
    }

    @Test("a store of another version, and a directory that is not a store, are left alone")
    func versions() throws {
        let fixture = try StoreFixture()
        _ = try fixture.store()
        try Data("2\n".utf8).write(to: URL(filePath: fixture.storePath + "/version"))
        #expect(throws: Failure.self) { try fixture.store().list() }
        let before = fixture.tree
        for text in ["", "10", "\u{1B}[m", String(repeating: "1", count: 1000)] {
            try Data(text.utf8).write(to: URL(filePath: fixture.storePath + "/version"))
            let failure = #expect(throws: Failure.self) { try fixture.store().list() }
            #expect(failure?.kind == .unavailable && failure?.description.contains("\u{1B}") == false)
        }
        #expect(fixture.tree == before)
        let home = fixture.directory.path("home")
        try FileManager.default.createDirectory(atPath: home + "/photos", withIntermediateDirectories: true)
        let failure = #expect(throws: Failure.self) { try ImageStore.open(at: home).list() }
        #expect(failure?.kind == .usage && failure?.cure?.contains("VMM_STORE") == true)
        #expect(fixture.directory.tree("home") == ["photos"])
    }

    @Test("the JSON list of images contains no control characters")
    func listing() {
        let image = ImageListing(
            name: "a", identifier: "b", byteCount: 1, layerCount: 1, created: "\u{1B}[2J\u{9B}2J\u{7F}",
            imported: 0, templateByteCount: 0)
        #expect(ImageTable.json([image]).contains(#""created": "\u001b[2J\u009b2J\u007f""#))
    }

    @Test("a store that other users can write to is refused")
    func writableStore() throws {
        let fixture = try StoreFixture()
        _ = try fixture.store()
        for (mode, isWell) in [
            (mode_t(0o700), true), (0o755, true), (0o775, true), (0o707, false), (0o1777, false),
        ] {
            #expect(unsafe chmod(fixture.storePath, mode) == 0)
            if isWell {
                #expect(throws: Never.self) { try fixture.store().list() }
                continue
            }
            let failure = #expect(throws: Failure.self) { try fixture.store().list() }
            #expect(failure?.kind == .notPermitted && failure?.cure?.contains("VMM_STORE") == true)
        }
        for (owner, user, isWell) in [(0, 0, true), (0, 7, true), (7, 7, true), (7, 0, false), (7, 8, false)]
        {
            #expect(StoreDirectory.isTrusted(owner: uid_t(owner), mode: 0o700, by: uid_t(user)) == isWell)
            #expect(
                StoreDirectory.isTrustedParent(owner: uid_t(owner), mode: 0o755, by: uid_t(user)) == isWell)
        }
    }

    @Test("a store that other users can replace is refused")
    func replaceableStore() throws {
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

    @Test("an image is found by its names, by a path and by the start of its identifier")
    func lookup() throws {
        let fixture = try StoreFixture()
        let identifier = try fixture.layout().image([StoreFixture.archive()])
        let image = try fixture.take(fixture.directory.path("layout"), called: "team/tool")
        for name in [
            "team/tool", "team/tool:latest", "docker.io/team/tool", "docker://team/tool", identifier,
            "sha256:" + identifier, String(identifier.prefix(12)), fixture.directory.path("layout"),
        ] {
            #expect(try fixture.find(name, pull: .never) == image, "\(name)")
        }
        for name in ["team/other", "tool", "team/tool:2", String(identifier.prefix(3)), "0000000000000000"] {
            let failure = #expect(throws: Failure.self) { try fixture.find(name, pull: .never) }
            #expect(failure?.kind == .missingInput, "\(name)")
        }
    }

    @Test("a word is used as an identifier only if it is unlikely to be a name")
    func identifiers() throws {
        let fixture = try StoreFixture()
        let identifier = try fixture.layout().image([StoreFixture.archive()])
        try fixture.take(fixture.directory.path("layout"))
        for count in [4, 8, 11] {
            let failure = #expect(throws: Failure.self) {
                try fixture.find(String(identifier.prefix(count)), pull: .never)
            }
            #expect(failure?.why.contains("is not in") == true, "\(String(describing: failure))")
        }
        for count in [12, 20, 64] {
            #expect(try fixture.find(String(identifier.prefix(count)), pull: .never).identifier == identifier)
        }
        // Nothing in a registry can be removed, so here it is no name.
        #expect(try fixture.store().remove(String(identifier.prefix(4)), progress: .silent) != nil)
    }

    @Test("an import reports the names that an archive moves, and keeps those that a registry gave")
    func movedNames() throws {
        let fixture = try StoreFixture()
        func archive(_ text: String) throws -> String {
            let layout = try fixture.layout("layout")
            try layout.image([StoreFixture.archive("text", text)], tag: "docker.io/library/debian:12")
            return layout.path
        }
        let path = try archive("one")
        let first = try fixture.take(path)
        #expect(first.notice == nil)
        _ = try archive("two")
        let second = try fixture.take(path)
        #expect(
            second.notice?.contains("docker.io/library/debian:12 (was \(first.identifier.prefix(12)))")
                == true)
        #expect(try fixture.take(path).notice == nil, "it means that already")
        // As a pull leaves it.
        let catalogue = Catalogue(store: StoreDirectory(path: fixture.storePath))
        let staging = try StagingDirectory(in: catalogue.store)
        var name = NameRecord(name: "docker.io/library/debian:12", identifier: second.identifier)
        name.isFromRegistry = true
        #expect(try catalogue.set([name], staging: staging).isEmpty)
        #expect(try fixture.take(path).notice == nil)
        #expect(catalogue.name(name.name) == name, "what moves no name does not make it anybody's")
        _ = try archive("three")
        try fixture.expectRefusal(path, .usage, "debian:12", "registry", "--move-names", "--name")
        #expect(try fixture.find("debian:12").identifier == second.identifier)
        let third = try fixture.take(path, called: "mine")
        #expect(try fixture.find("mine").identifier == third.identifier)
        #expect(try fixture.find("debian:12").identifier == second.identifier)
        let moved = try fixture.store().importImage(path, permissions: .movesNames, progress: .silent)
        #expect(moved.notice?.contains("debian:12") == true)
        #expect(try fixture.find("debian:12").identifier == third.identifier)
    }

    @Test("an image whose record could not be read back is refused, and imports do not retry for ever")
    func longRecords() throws {
        let fixture = try StoreFixture()
        let layout = try fixture.layout()
        // As long as a configuration may be; its record is longer by a little.
        let layers = try [layout.layer(StoreFixture.archive())]
        let empty = try layout.configuration(layers, config: #""User": """#)
        let long = String(repeating: "x", count: (8 << 20) - empty.byteCount)
        let configuration = try layout.configuration(layers, config: #""User": "\#(long)""#)
        #expect(configuration.byteCount == 8 << 20)
        try layout.index([try layout.manifest(configuration, layers).descriptor(TestLayout.manifestType)])
        try fixture.expectRefusal(layout.path, .badInput, "limit of", "8.3 MB")
        #expect(fixture.layerFiles.isEmpty)
        let tag = String(repeating: "t", count: 70_000)
        try layout.image([StoreFixture.archive()], tag: tag)
        let failure = #expect(throws: Failure.self) { try fixture.take("oci:\(layout.path):\(tag)") }
        #expect(failure?.why == "the name is too long")
    }

    @Test("an unchanged file is not read again, and a changed one is")
    func stamps() throws {
        let fixture = try StoreFixture()
        let layout = try fixture.layout()
        try layout.image([StoreFixture.archive()])
        let index = layout.path + "/index.json"
        /// A file that was changed just now is not trusted; so this one was changed long ago.
        func settle() throws {
            let before = try #require(FileStatus(of: index)).status.st_ctim.tv_sec
            try eventually("the file system's clock") { RealTime.seconds() - before > 3 }
        }
        try settle()
        let first = try fixture.find(layout.path)
        let written = try fixture.stamps()
        let blobs = layout.path + "/blobs"
        try FileManager.default.moveItem(atPath: blobs, toPath: blobs + ".away")
        #expect(try fixture.find(layout.path) == first, "nothing but the index's stamp was looked at")
        #expect(try fixture.stamps() == written)
        try FileManager.default.moveItem(atPath: blobs + ".away", toPath: blobs)
        try layout.image([StoreFixture.archive("other")])
        let second = try fixture.find(layout.path)
        #expect(second.identifier != first.identifier)
    }

    @Test("a record that is damaged or has another version is ignored and replaced")
    func records() throws {
        let fixture = try StoreFixture()
        let identifier = try fixture.layout().image([StoreFixture.archive()])
        let path = fixture.directory.path("layout")
        let image = try fixture.take(path, called: "tool")
        let record = URL(filePath: fixture.storePath + "/images/\(identifier)/record")
        let whole = [UInt8](try Data(contentsOf: record))
        for bytes in [[], Array(whole.dropLast()), whole + [0], [3, 0] + whole.dropFirst(2)] {
            try Data(bytes).write(to: record)
            #expect(throws: Failure.self) { try fixture.find("tool", pull: .never) }
            #expect(try fixture.find(path) == image)
            #expect(try fixture.find("tool", pull: .never) == image)
        }
        #expect(fixture.leftovers.isEmpty)
    }

    @Test("names are removed one after another, then the image and the layers that only it needs")
    func removal() throws {
        let fixture = try StoreFixture()
        let (shared, own) = (StoreFixture.archive("shared"), StoreFixture.archive("own"))
        try fixture.layout("a").image([shared, own])
        try fixture.layout("b").image([shared])
        let image = try fixture.take(fixture.directory.path("a"), called: "a:1")
        try fixture.take(fixture.directory.path("b"), called: "b:1")
        // A machine that runs has the files mapped.
        let reader = try ErofsReader(files: image.files)
        #expect(try fixture.store().remove("a:1", progress: .silent) == nil)
        #expect(fixture.layerFiles.count == 2)
        let freed = try #require(try fixture.store().remove(fixture.directory.path("a"), progress: .silent))
        #expect(freed > 4096)
        #expect(fixture.layerFiles == [SHA256.digest(of: shared).hexadecimal + ".erofs"])
        #expect(try reader.contents(of: "/own") == Array("hello\n".utf8))
        #expect(try fixture.store().list().count == 2)
        let identifier = try fixture.find("b:1").identifier
        _ = try fixture.store().remove(String(identifier.prefix(12)), progress: .silent)
        #expect(try fixture.store().list().isEmpty && fixture.layerFiles.isEmpty && fixture.leftovers.isEmpty)
        for name in ["b:1", "a", "0123456789ab", "../../etc"] {
            let failure = #expect(throws: Failure.self) {
                try fixture.store().remove(name, progress: .silent)
            }
            #expect(failure?.kind == .missingInput, "\(name)")
        }
    }

    @Test("pruning removes exactly what no image needs")
    func pruning() throws {
        let fixture = try StoreFixture()
        let layout = try fixture.layout()
        try layout.image([StoreFixture.archive("old")])
        try fixture.take(layout.path)
        // The name leads to another image now.
        try layout.image([StoreFixture.archive("new")])
        let image = try fixture.take(layout.path)
        let directory = StoreDirectory(path: fixture.storePath)
        try Data("x".utf8).write(to: URL(filePath: directory.layers + "/stray"))
        try FileManager.default.createDirectory(
            atPath: directory.staging + "/dead", withIntermediateDirectories: false)
        try Data("x".utf8).write(to: URL(filePath: directory.staging + "/dead/layer-0.erofs"))
        let alive = try StagingDirectory(in: directory)
        try Files.create(alive.file("layer-1.erofs"), [1])
        #expect(try fixture.store().prune(progress: .silent) > 0)
        #expect(fixture.layerFiles == [SHA256.digest(of: StoreFixture.archive("new")).hexadecimal + ".erofs"])
        #expect(try fixture.store().list().map(\.identifier) == [image.identifier])
        #expect(FileStatus(of: alive.file("layer-1.erofs")) != nil, "somebody is working there")
        #expect(fixture.leftovers.count == 2)
        _ = consume alive
        #expect(fixture.leftovers.isEmpty)
        #expect(try fixture.store().prune(progress: .silent) == 0)
    }

    @Test("several imports of one image at once store it once")
    func concurrency() throws {
        let fixture = try StoreFixture()
        let archives = (0..<8).map {
            StoreFixture.archive("file\($0)", String(repeating: "\($0)", count: 100_000))
        }
        try fixture.layout().image(archives, .gzip)
        let path = fixture.directory.path("layout")
        let images = Mutex<[Image]>([])
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            do {
                let image = try fixture.take(path)
                images.withLock { $0.append(image) }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(Set(images.withLock { $0 }).count == 1)
        #expect(fixture.layerFiles.count == 8 && fixture.leftovers.isEmpty)
        let reader = try ErofsReader(files: images.withLock { $0[0] }.files)
        for number in 0..<8 {
            #expect(try reader.contents(of: "/file\(number)")?.count == 100_000)
        }
    }

    @Test("imports, removals and lookups may run at the same time")
    func everythingAtOnce() throws {
        let fixture = try StoreFixture()
        for number in 0..<3 {
            try fixture.layout("l\(number)").image([
                StoreFixture.archive("shared"), StoreFixture.archive("own\(number)"),
            ])
        }
        _ = try fixture.store()
        let strange = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 6) { worker in
            let path = fixture.directory.path("l\(worker % 3)")
            for _ in 0..<12 {
                do {
                    switch worker {
                    case 0..<3:
                        // Open, so that nothing is taken away meanwhile.
                        let store = try fixture.store()
                        let image = try store.image(for: path, progress: .silent)
                        let reader = try ErofsReader(files: image.files)
                        let text = try reader.contents(of: "/own\(worker)")
                        if text != Array("hello\n".utf8) {
                            strange.withLock { $0.append("\(worker): \(text ?? [])") }
                        }
                        _ = consume store
                    case 3: _ = try fixture.store().prune(progress: .silent)
                    default: _ = try? fixture.store().remove(path, progress: .silent)
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
        #expect(fixture.leftovers.isEmpty)
        for number in 0..<3 { try fixture.take(fixture.directory.path("l\(number)")) }
        #expect(fixture.layerFiles.count == 4)
    }
}

@Suite("Records of the image store")
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

    @Test("records are read as they were written, and a repeated layer counts once")
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

    @Test("a truncated or changed record is refused or is another record, and causes no crash")
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
