import Host
import Synchronization
import TestSupport
import Testing

@testable import EROFS
@testable import Layers

@Suite("Ending the writing of EROFS images")
struct ErofsEndTests {
    private static let count = 1000

    /// A directory for each of the files, the last of which has several names, and links that wait for what
    /// comes later.
    private static func layer() -> TestLayer {
        var layer = TestLayer()
        for number in 0..<count {
            layer.file("d\(number)/file", [1])
            layer.add("d\(number)/link", .hardLink(to: .test("d\(number)/file")))
        }
        return layer
    }

    private static func failure() -> Failure { Failure(.host, "cannot go on", because: "it was interrupted") }

    /// Asks for an end at one call after another, each time in a new run; how often `work` asks in all.
    private func endAnywhere(_ work: (@escaping () throws(Failure) -> Void) throws -> Void) throws -> Int {
        let calls = Atomic<Int>(0)
        try work { calls.add(1, ordering: .relaxed) }
        let all = calls.load(ordering: .relaxed)
        for last in [0, 1, all / 3, all / 2, all - 1] {
            calls.store(0, ordering: .relaxed)
            let found = #expect(throws: Failure.self) {
                try work { () throws(Failure) in
                    if calls.add(1, ordering: .relaxed).oldValue >= last { throw Self.failure() }
                }
            }
            #expect(found == Self.failure())
            #expect(calls.load(ordering: .relaxed) == last + 1, "it went on")
        }
        return all
    }

    @Test("writing a layer can be ended while its directories are written")
    func layer() throws {
        let layer = Self.layer()
        let count = try endAnywhere { check in
            let file = try TemporaryFile()
            let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
            let writer = try ErofsWriter(to: descriptor.rawValue, named: "the layer")
            for item in layer.items {
                try writer.add(item.entry)
                if case .file = item.entry.kind {
                    try unsafe [UInt8(1)].withUnsafeBytes { unsafe try writer.append($0) }
                }
            }
            _ = try writer.finish(check: check)
        }
        #expect(count > 4 * Self.count, "links, attributes, places and inodes")
    }

    @Test("writing an index can be ended while layers are merged and while it is written")
    func index() throws {
        let files = try [Self.layer(), Self.layer()].map { try $0.write().file }
        let count = try endAnywhere { check in
            let file = try TemporaryFile()
            let descriptor = try OwnedDescriptor(opening: file.path, for: .readingAndWriting)
            try ImageIndex.write(
                layers: files.map(\.path), to: descriptor.rawValue, named: "the index", check: check)
        }
        #expect(count > 10 * Self.count, "both layers' entries, times, places and inodes")
    }
}
