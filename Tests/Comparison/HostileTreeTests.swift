import Foundation
import Host
import TestSupport
import Testing

@testable import Comparison
@testable import Measure

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
            let workspace = try Workspace(named: "vmm-compare", in: directory.path)
            _ = try workspace.directory("layer")
            #expect(directory.tree("trap") == [])
            var status = stat()
            #expect(unsafe lstat(workspace.path, &status) == 0)
            #expect(status.st_mode == S_IFDIR | 0o700 && status.st_uid == geteuid())
        }
        #expect(directory.tree() == ["trap", "vmm-compare-\(getpid())"])
    }

    @Test("a user's numbers are looked up in the image, where its links lead, and in nothing but files")
    func users() throws {
        let outside = try make("outside")
        try Data("app:x:77:88::/:\n".utf8).write(to: URL(filePath: outside + "/passwd"))
        let real = try make("image/real")
        try Data("app:x:5:6::/:\n".utf8).write(to: URL(filePath: real + "/passwd"))
        func numbers() -> [Int64]? {
            let subject = Subject(
                reference: "", layers: [directory.path("image")], command: ["true"], user: "app")
            return subject.numbers.map { [$0.user, $0.group] }
        }
        for target in [outside, "../outside", "../../../../../../../.." + outside] {
            try link("image/etc", to: target)
            #expect(numbers() == nil, "\(target)")
            try FileManager.default.removeItem(atPath: directory.path("image/etc"))
        }
        for target in ["/real", "real", "../real"] {
            try link("image/etc", to: target)
            #expect(numbers() == [5, 6], "\(target)")
            try FileManager.default.removeItem(atPath: directory.path("image/etc"))
        }
        _ = try make("image/etc")
        #expect(unsafe mkfifo(directory.path("image/etc/passwd"), 0o600) == 0)
        #expect(numbers() == nil)
    }

    @Test("nothing is mounted where a link of the image leads")
    func mountPoints() throws {
        let root = try make("image")
        try link("image/dev", to: try make("outside"))
        try link("image/sys", to: "/nowhere")
        _ = try make("image/proc")
        #expect(try ProcessPath.mountPoint("proc", in: root) == root + "/proc")
        #expect(try ProcessPath.mountPoint("new", in: root) == root + "/new")
        for name in ["dev", "sys"] {
            let failure = #expect(throws: Failure.self) { try ProcessPath.mountPoint(name, in: root) }
            #expect(failure?.kind == .badInput)
        }
    }

    @Test("an engine is not asked for the host's variables by an image that names them without a value")
    func variables() throws {
        let subject = Subject(
            reference: "", layers: [], command: ["true"], environment: ["A=1", "HOME", "B=", "PATH=/bin"])
        #expect(subject.environment == ["A=1", "B=", "PATH=/bin"])
    }
}
