import Foundation
import TestSupport
import Testing

/// The built program with an image store of its own, and a directory for images.
struct ImageFixture {
    let directory: TemporaryDirectory
    var store: String { directory.path("store") }
    var environment: [String: String]

    init() throws {
        directory = try TemporaryDirectory()
        environment = ProcessInfo.processInfo.environment
        environment["VMM_STORE"] = directory.path("store")
    }

    func layout(_ name: String = "layout") throws -> TestLayout { try TestLayout(at: directory.path(name)) }

    /// Runs `vmm image` with `arguments`.
    func image(_ arguments: String..., seconds: Int = 120) throws -> ProgramRun {
        try ProgramRun([Monitor.program, "image"] + arguments, environment: environment, seconds: seconds)
    }

    /// The files in the store, without its empty directories.
    var content: [String] {
        directory.tree("store").filter { !["images", "layers", "names", "tmp", "version"].contains($0) }
    }

    var leftovers: [String] { directory.tree("store/tmp") }

    /// Expects that `command` fails with `status` and one or two lines that contain all of `words`, and that
    /// the store is unchanged.
    func expectRefusal(
        _ command: [String], _ status: Int32, _ words: String...,
        at location: SourceLocation = #_sourceLocation
    ) throws {
        let before = content
        let run = try ProgramRun(command, environment: environment)
        #expect(run.ending == .exited(status), "\(run.error)", sourceLocation: location)
        #expect(
            (1...2).contains(run.error.split(separator: "\n").count), "\(run.error)", sourceLocation: location
        )
        #expect(run.error.hasPrefix("vmm: "), "\(run.error)", sourceLocation: location)
        for word in words {
            #expect(run.error.contains(word), "'\(word)' in: \(run.error)", sourceLocation: location)
        }
        #expect(run.output.isEmpty, sourceLocation: location)
        #expect(content == before, sourceLocation: location)
    }

    /// Returns the command line of a shell that runs `script` in the fixture's directory; `vmm` is the built
    /// program.
    func shellCommand(_ script: String) -> [String] {
        let start = "cd \(directory.path) && VMM=\(Monitor.program); vmm() { $VMM \"$@\"; }; "
        return ["bash", "-c", start + script]
    }

    func shell(_ script: String) throws -> ProgramRun {
        try ProgramRun(shellCommand(script), environment: environment)
    }

    func importing(_ name: String) -> [String] { [Monitor.program, "image", "import", name] }

    /// Makes an archive with one incompressible file of `byteCount` bytes.
    static func archive(_ name: String = "noise", byteCount: Int) throws -> [UInt8] {
        var tar = TarWriter()
        let noise =
            try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom")).read(upToCount: byteCount) ?? Data()
        tar.member(name, [UInt8](noise))
        return tar.finished()
    }

    static func archive(_ text: String = "hello\n") -> [UInt8] {
        var tar = TarWriter()
        tar.file("hello", text)
        return tar.finished()
    }

    /// Makes a layer with tar(1) from the files that `script` makes in an empty directory. It is packed with
    /// zstd, which is fast to write and read.
    func layer(in layout: TestLayout, _ script: String) throws -> TestLayout.Blob {
        let work = try TemporaryDirectory()
        let packed = work.path("packed")
        let making = """
            set -e; mkdir \(work.path)/tree; cd \(work.path)/tree; \(script); cd ..
            tar -C tree -cf - . | tee >(sha256sum >sum) | zstd -q -1 -o packed
            # The sum comes from a process of its own.
            while [ ! -s sum ]; do sleep 0.01; done
            """
        let made = try ProgramRun(["bash", "-c", making], seconds: 300)
        try #require(made.status == 0, "\(made.error)")
        let sum = try ProgramRun(["sha256sum", packed])
        var blob = TestLayout.Blob(
            digest: "sha256:" + sum.output.prefix(64),
            byteCount: try #require(try FileManager.default.attributesOfItem(atPath: packed)[.size] as? Int))
        blob.content = "sha256:" + (try String(contentsOfFile: work.path("sum"), encoding: .utf8).prefix(64))
        try FileManager.default.moveItem(atPath: packed, toPath: blob.file(in: layout.path))
        return blob
    }

    /// Makes a layout with one layer, from the files that `script` makes.
    func layout(madeBy script: String, _ name: String = "layout") throws -> TestLayout {
        let layout = try layout(name)
        let layer = try layer(in: layout, script)
        let manifest = try layout.manifest(
            try layout.configuration([layer]), [layer], layerType: TestLayout.layerType(.zstd))
        try layout.index([manifest.descriptor(TestLayout.manifestType)])
        return layout
    }
}
