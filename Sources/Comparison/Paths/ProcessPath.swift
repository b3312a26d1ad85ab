import CHost
import CMeasure
import Host
import Measure
import SystemPackage

/// The lower bound: the command as an ordinary process of this host, with the image as its root file system.
final class ProcessPath: RuntimePath {
    let name = "process"
    let version = ""
    let description = "the bare command with the image as its root (chroot), nothing else apart"
    let executables: [String] = []

    static func find() throws(Absence) -> ProcessPath {
        guard geteuid() == 0 else {
            throw Absence(
                "process", .absent, "only root may change a process's root", cure: "Run vmm compare as root.")
        }
        return ProcessPath()
    }

    private func overlay(_ instance: Instance) -> Overlay {
        Overlay(directory: instance.directory, lower: instance.subject.layers)
    }

    /// Makes all mounts before the clock is read: they are not part of the lower bound. The bind mounts are
    /// not recursive, because the overlay itself may be below /dev.
    func makeReady(_ instance: Instance, _ command: [String]) throws(Failure) {
        let overlay = overlay(instance)
        try overlay.prepare()
        try overlay.mount()
        for name in ["proc", "dev", "sys"] {
            let place = try Self.mountPoint(name, in: overlay.root)
            guard unsafe CMeasure.mount("/" + name, place, nil, UInt(MS_BIND), nil) == 0 else {
                throw Failure("cannot show /\(name) to the bare process", errno: .current)
            }
        }
    }

    /// Returns the directory `name` of the image; makes it if it is missing. Throws if it is anything else: a
    /// symbolic link could lead to a directory of the host.
    static func mountPoint(_ name: String, in root: String) throws(Failure) -> String {
        let place = root + "/" + name
        if unsafe mkdir(place, 0o755) == 0 || FileStatus(ofLink: place)?.isDirectory == true { return place }
        throw Failure(
            .badInput, "cannot show /\(name) to the bare process",
            because: "the image has something else than a directory there")
    }

    func launch(_ instance: Instance, _ command: [String]) -> Launch {
        var launch = Launch(command, environment: instance.subject.environment)
        launch.words[0] = instance.subject.program(command[0]) ?? command[0]
        launch.root = overlay(instance).root
        launch.directory = instance.subject.workingDirectory
        launch.user = instance.subject.numbers?.user
        launch.group = instance.subject.numbers?.group
        return launch
    }

    func cleanUp(_ instance: Instance, _ outcome: Outcome?) {
        overlay(instance).remove()
    }

    func imageByteCount(_ subject: Subject) -> Int? {
        subject.layers.reduce(0) { $0 + Storage.byteCount($1) }
    }
}
