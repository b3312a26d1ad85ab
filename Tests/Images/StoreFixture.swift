import Foundation
import Host
import TestSupport
import Testing

@testable import Containers
@testable import Images

/// A store of its own, and a place for images beside it.
struct StoreFixture {
    let directory: TemporaryDirectory
    let storePath: String

    init() throws {
        directory = try TemporaryDirectory()
        storePath = directory.path("store")
    }

    func store() throws -> ImageStore { try ImageStore.openForContainers(at: storePath) }

    var tree: [String] { directory.tree("store") }

    /// A new layout directory.
    func layout(_ name: String = "layout") throws -> TestLayout { try TestLayout(at: directory.path(name)) }

    /// Imports, in silence.
    @discardableResult
    func take(_ name: String, called furtherName: String? = nil) throws -> Image {
        try store().importImage(name, called: furtherName, progress: .silent)
    }

    /// What `vmm run` does.
    func find(_ name: String, pull: PullPolicy = .missing) throws -> Image {
        try store().image(for: name, pull: pull, progress: .silent)
    }

    /// What is in the store beside its empty rooms.
    var content: [String] { tree.filter { !["images", "layers", "names", "tmp", "version"].contains($0) } }

    /// The layers in the store.
    var layerFiles: [String] { directory.tree("store/layers") }
    /// What imports leave behind when they are killed.
    var leftovers: [String] { directory.tree("store/tmp") }

    /// An archive with one small file.
    static func archive(_ name: String = "hello", _ text: String = "hello\n") -> [UInt8] {
        var tar = TarWriter()
        tar.file(name, text)
        return tar.finished()
    }

    /// What would change with everything in the store, were it written.
    func stamps() throws -> [String: [Int]] {
        var found: [String: [Int]] = [:]
        for path in tree {
            let status = try #require(FileStatus(of: "\(storePath)/\(path)")).status
            found[path] = [
                Int(status.st_ino), Int(status.st_size), status.st_ctim.tv_sec, status.st_ctim.tv_nsec,
            ]
        }
        return found
    }

    /// `import` must fail in that way, and nothing may be left in the store.
    func expectRefusal(
        _ name: String, _ kind: Failure.Kind, _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let before = content
        do {
            try take(name)
            Issue.record("\(name) was imported", sourceLocation: location)
        } catch let failure as Failure {
            #expect(failure.kind == kind, "\(failure)", sourceLocation: location)
            for word in words {
                #expect(
                    failure.description.contains(word), "'\(word)' in: \(failure)", sourceLocation: location)
            }
            #expect(failure.description.count < 400, "\(failure)", sourceLocation: location)
        }
        #expect(content == before, sourceLocation: location)
    }
}
