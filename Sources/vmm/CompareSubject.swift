import Comparison
import Containers
import Host
import Images

/// What `vmm compare` was asked to run, as the paths need it.
enum CompareSubject {
    /// The image is imported like that of `vmm run`, and its files are put into `workspace` for the container runtimes.
    static func make(
        _ name: String, _ command: [String], in workspace: Workspace
    ) throws(Failure) -> Subject {
        let image = try ImageStore.openForContainers().image(for: name)
        let layer = try workspace.directory("layer")
        try ImageTree.write(image, to: layer)
        let configuration = image.configuration
        // As `vmm run` does it: words of the caller's take the place of the image's command, after its entry point.
        let words = configuration.entrypointWords + (command.isEmpty ? configuration.command : command)
        let whole = words.isEmpty ? image.bundle?.arguments ?? [] : words
        guard !whole.isEmpty else {
            throw Failure(
                .usage, "cannot compare \(name)", because: "the image names no command",
                cure: "Say which: vmm compare \(name) COMMAND")
        }
        // A directory's name would have vmm look through all of it again at each start; container runtimes do not. A bundle
        // says more than the image in the store.
        var subject = Subject(
            reference: image.bundle == nil ? image.identifier : name, layers: [layer], command: whole,
            environment: configuration.environment,
            workingDirectory: configuration.workingDirectory, user: configuration.user)
        subject.files = image.files
        subject.storedByteCount = image.files.reduce(0) { $0 + Storage.byteCount($1) }
        return subject
    }
}
