import Glibc
import Host
import Images
import Machine
import TestSupport
import Testing

@testable import Template

/// The names of templates: the same for the same machine, another for any other.
@Suite("The key of a template")
struct TemplateKeyTests {
    private let directory: TemporaryDirectory
    private let configuration: MachineConfiguration

    init() throws {
        directory = try TemporaryDirectory()
        for name in ["kernel", "agent", "index", "layer", "other"] {
            try WholeFile.write(Array(name.utf8), to: directory.path(name))
        }
        var configuration = MachineConfiguration(kernel: directory.path("kernel"))
        configuration.initramfs = [directory.path("agent")]
        configuration.persistentMemory = [directory.path("index"), directory.path("layer")]
        configuration.commandLine = "quiet"
        self.configuration = configuration
    }

    private func name(
        _ identifier: String = "image", _ change: (inout MachineConfiguration) -> Void = { _ in }
    ) -> String {
        var configuration = configuration
        change(&configuration)
        return TemplateKey(
            configuration, image: Image(identifier: identifier, configuration: .init(), files: [])
        ).name
    }

    @Test("the same machine has the same key; a key is a file's name")
    func same() {
        #expect(name() == name())
        #expect(TemplateKey.generation() == TemplateKey.generation())
        for name in [name(), TemplateKey.generation()] {
            #expect(name.count == 32 && name.allSatisfy(\.isHexDigit), "\(name)")
        }
    }

    @Test("each part of a machine changes its key")
    func parts() {
        let other = directory.path("other")
        let names = [
            name(), name("other"),
            name { $0.memoryByteCount += 4096 },
            name { $0.cpuCount = 2 },
            name { $0.commandLine = "quiet " },
            name { $0.commandLine = nil },
            name { $0.commandLine = "" },
            name { $0.appendedCommandLine = "quiet" },
            name { $0.appendedCommandLine = "" },
            name {
                $0.commandLine = "quie"
                $0.appendedCommandLine = "t"
            },
            name { $0.console = .serial },
            name { $0.hasEntropy = false },
            name { $0.keepsConsole = true },
            name { $0.kernel = other },
            name { $0.kernel = "/nowhere" },
            name { $0.initramfs = [other] },
            name { $0.initramfs.append(other) },
            name { $0.persistentMemory.append(other) },
            name { $0.persistentMemory.reverse() },
            name { $0.initramfs.append($0.persistentMemory.removeFirst()) },
            name { $0.persistentMemory = [] },
        ]
        for (index, name) in names.enumerated() {
            #expect(names.firstIndex(of: name) == index, "\(index)")
        }
    }

    @Test(
        "a file that was written, replaced or touched changes the key",
        arguments: ["kernel", "agent", "index", "layer"])
    func files(file: String) throws {
        let path = directory.path(file)
        var names = [name()]
        try WholeFile.write(Array("\(file)2".utf8), to: path)
        names.append(name())
        // Of the same size and with the same times, but another file.
        let status = try #require(FileStatus(of: path)).status
        var times = [status.st_atim, status.st_mtim]
        try WholeFile.write(Array("\(file)2".utf8), to: path + ".new")
        #expect(unsafe utimensat(AT_FDCWD, path + ".new", &times, 0) == 0)
        #expect(unsafe rename(path + ".new", path) == 0)
        names.append(name())
        times[1] = timespec(tv_sec: 1000, tv_nsec: 0)
        #expect(unsafe utimensat(AT_FDCWD, path, &times, 0) == 0)
        names.append(name())
        #expect(Set(names).count == names.count, "\(names)")
    }

    @Test("a second name of a layer, as an import of another image gives it one, changes nothing")
    func secondName() throws {
        let before = name()
        let layer = directory.path("layer")
        #expect(unsafe link(layer, layer + ".second") == 0)
        #expect(name() == before)
        #expect(unsafe unlink(layer + ".second") == 0)
        #expect(name() == before)
    }
}
