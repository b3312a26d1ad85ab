import Foundation
import Host
import TestSupport
import Testing

@testable import Comparison

/// What `vmm compare` does on the host with the files of an image that a stranger made, and beside strangers.
@Suite("a comparison among strangers")
struct HostileTreeTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func make(_ name: String) throws -> String {
        try FileManager.default.createDirectory(
            atPath: directory.path(name), withIntermediateDirectories: true)
        return directory.path(name)
    }

    private func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: directory.path(name), withDestinationPath: target)
    }

    @Test("its workspace is its own, whatever is there of that name, and nobody else looks into it")
    func workspace() throws {
        let trap = try make("trap")
        try link("vmm-compare-\(getpid())", to: trap)
        do {
            let workspace = try Workspace(in: directory.path)
            _ = try workspace.directory("layer")
            #expect(directory.tree("trap") == [])
            var status = stat()
            #expect(unsafe lstat(workspace.path, &status) == 0)
            #expect(status.st_mode == S_IFDIR | 0o700 && status.st_uid == geteuid())
        }
        #expect(directory.tree() == ["trap", "vmm-compare-\(getpid())"])
    }
}
