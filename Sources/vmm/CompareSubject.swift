import Comparison
import Containers
import Host

/// What `vmm compare` was asked to run, as the paths need it.
enum CompareSubject {
    static func make(_ image: String, _ command: [String]) throws(Failure) -> Subject {
        guard let directory = RootDirectory.find(image) else {
            throw Failure(
                .missingInput, "cannot compare \(image)", because: "it is no directory with a root file system")
        }
        guard !command.isEmpty else {
            throw Failure(.usage, "cannot compare \(image)", because: "it names no command", cure: "Say which: vmm compare \(image) COMMAND")
        }
        return Subject(reference: image, layers: [directory], command: command)
    }
}
