import Foundation
import Host
import Images
import SystemPackage
import TestSupport
import Testing

@Suite("Templates in the store")
struct TemplateShelfTests {
    private let fixture: StoreFixture
    private let image: String

    init() throws {
        fixture = try StoreFixture()
        _ = try fixture.layout().image([StoreFixture.archive()])
        image = try fixture.take(fixture.directory.path("layout")).identifier
    }

    private func shelf(_ generation: String = "g1") throws -> TemplateShelf {
        TemplateShelf(in: try fixture.store(), generation: generation)
    }

    private var templates: [String] {
        fixture.directory.tree("store/templates").filter { $0.hasSuffix("/state") }
    }

    private func place(_ key: String, _ file: String) -> String {
        "\(fixture.storePath)/templates/g1/\(image)/\(key)/\(file)"
    }

    @discardableResult
    private func add(_ key: String, to shelf: TemplateShelf, _ byte: UInt8 = 7) throws -> Bool {
        try shelf.add(image, key: key) { (memory) throws(Failure) in
            do throws(Errno) { try Files.write([byte, byte], to: memory.rawValue) } catch {
                throw Failure("cannot write", errno: error)
            }
            return [byte]
        }
    }

    /// The state and the memory of a template; nil if there is none.
    private func content(_ key: String, in shelf: TemplateShelf) throws -> [[UInt8]]? {
        guard let template = try shelf.open(image, key: key) else { return nil }
        let state = template.state
        let memory = template.takeMemory()
        return [state, try #require(try Files.read("/proc/self/fd/\(memory.rawValue)", upTo: 100))]
    }

    @Test("a template that was added can be opened, and is made once")
    func once() throws {
        let shelf = try shelf()
        #expect(try content("k", in: shelf) == nil)
        #expect(try add("k", to: shelf))
        #expect(try content("k", in: shelf) == [[7], [7, 7]])
        #expect(try !add("k", to: shelf, 8))
        #expect(try content("k", in: shelf) == [[7], [7, 7]])
        for file in ["state", "memory"] {
            #expect(try #require(FileStatus(of: place("k", file))).status.st_mode & 0o7777 == 0o400)
        }
        try shelf.replaceState(image, key: "k", with: [9, 9])
        #expect(try content("k", in: shelf) == [[9, 9], [7, 7]])
        try shelf.replaceState(image, key: "other", with: [9, 9])
        #expect(templates.count == 1)
        #expect(fixture.leftovers == [])
    }

    @Test("two that make one template at once make it once")
    func atOnce() throws {
        let shelf = try shelf()
        var (same, other): (Bool?, Bool?)
        let isNew = try shelf.add(image, key: "k") { (_) throws(Failure) in
            same = try? add("k", to: shelf)
            other = try? add("other", to: shelf)
            return [1]
        }
        #expect(isNew && same == false && other == true)
        #expect(templates.count == 2)
    }

    @Test("a failure leaves nothing, and the next attempt succeeds")
    func failure() throws {
        let shelf = try shelf()
        let wanted = Failure(.host, "cannot save", because: "of a test")
        let failure = #expect(throws: Failure.self) {
            try shelf.add(image, key: "k") { (_) throws(Failure) in throw wanted }
        }
        #expect(failure?.why == "of a test")
        #expect(fixture.leftovers == [] && templates == [])
        #expect(try add("k", to: shelf))
    }

    @Test("what a killed process leaves is removed when the next template is made")
    func killed() throws {
        let left = "\(fixture.storePath)/tmp/1-killed/template"
        try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
        #expect(try add("k", to: shelf()))
        #expect(fixture.leftovers == [])
    }

    @Test("a template that this user does not own, or that others can change, is refused")
    func foreign() throws {
        let shelf = try shelf()
        let changes: [(String, (String) -> Int32)] = [
            ("mode 0o420", { unsafe chmod($0, 0o420) }), ("mode 0o402", { unsafe chmod($0, 0o402) }),
            ("owner", { unsafe chown($0, 12345, 0) }),
            (
                "link",
                { path in
                    unsafe rename(path, path + "2")
                    return unsafe symlink(path + "2", path)
                }
            ),
            (
                "directory",
                { path in
                    unsafe unlink(path)
                    return unsafe mkdir(path, 0o700)
                }
            ),
            (
                // An open that waited for a writer would never return.
                "pipe",
                { path in
                    unsafe unlink(path)
                    return unsafe mkfifo(path, 0o600)
                }
            ),
        ]
        for (name, change) in changes {
            for file in ["state", "memory"] {
                try add("k", to: shelf)
                #expect(change(place("k", file)) == 0, "\(name)")
                #expect(throws: Failure.self, "\(name) of \(file)") { try content("k", in: shelf) }
                shelf.remove(image, key: "k")
                #expect(try content("k", in: shelf) == nil)
            }
        }
    }

    @Test("a template that lacks a file is refused, so that it is removed and not in the way of a new one")
    func half() throws {
        let shelf = try shelf()
        for file in ["state", "memory"] {
            try add("k", to: shelf)
            try FileManager.default.removeItem(atPath: place("k", file))
            #expect(throws: Failure.self, "\(file)") { try content("k", in: shelf) }
            shelf.remove(image, key: "k")
            #expect(try content("k", in: shelf) == nil)
        }
    }

    @Test("an image has four templates at most: the one that was used least recently goes")
    func limit() throws {
        let shelf = try shelf()
        for (age, key) in ["a", "b", "c", "d"].enumerated() {
            try add(key, to: shelf)
            var times = [timespec(tv_sec: 1000 + age, tv_nsec: 0), timespec(tv_sec: 1000 + age, tv_nsec: 0)]
            #expect(unsafe utimensat(AT_FDCWD, place(key, "state"), &times, 0) == 0)
        }
        #expect(try content("a", in: shelf) != nil, "its use makes it the newest")
        try add("e", to: shelf)
        #expect(templates.map { $0.split(separator: "/")[2] } == ["a", "c", "d", "e"])
    }

    @Test("templates of another boot or build go when a new one is made")
    func generations() throws {
        try add("k", to: shelf("g0"))
        #expect(try content("k", in: shelf()) == nil)
        try add("k", to: shelf())
        #expect(templates.map { $0.split(separator: "/")[0] } == ["g1"])
    }

    @Test("an image takes its templates along, and the list shows their size")
    func removal() throws {
        try add("k", to: shelf())
        let listed = try #require(try fixture.store().list().first)
        #expect(listed.templateByteCount >= 8192)
        #expect(ImageTable.json([listed]).contains("\"templates\": \(listed.templateByteCount)"))
        let freed = try fixture.store().remove(image, progress: .silent)
        #expect(try #require(freed) >= listed.templateByteCount)
        #expect(templates == [] && fixture.leftovers == [])
        #expect(try !add("k", to: shelf()), "the image is gone")
        #expect(templates == [])
    }

    @Test("prune removes templates without an image, and keeps the others")
    func prune() throws {
        try add("k", to: shelf())
        let path = "\(fixture.storePath)/templates/g1/"
        try FileManager.default.copyItem(
            atPath: path + image, toPath: path + String(repeating: "a", count: 64))
        #expect(templates.count == 2)
        _ = try fixture.store().prune(progress: .silent)
        #expect(templates.count == 1 && templates[0].contains(image))
    }
}
