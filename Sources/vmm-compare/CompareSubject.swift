import Comparison
import Containers
import Host
import Images
import Measure

/// The image and command of `vmm compare`, in the form that the paths need.
enum CompareSubject {
    /// Imports the image as `vmm run` does, and unpacks its files into `workspace` for the container
    /// runtimes.
    static func make(
        _ name: String, _ command: [String], in workspace: Workspace
    ) throws(Failure) -> Subject {
        let image = try ImageStore.openForContainers().image(for: name)
        let layer = try workspace.directory("layer")
        try ImageTree.write(image, to: layer)
        let configuration = image.configuration
        // As in `vmm run`, the user's command replaces the image's command, after its entry point.
        let words = configuration.entrypointWords + (command.isEmpty ? configuration.command : command)
        let whole = words.isEmpty ? image.bundle?.arguments ?? [] : words
        guard !whole.isEmpty else {
            throw Failure(
                .usage, "cannot compare \(name)", because: "the image names no command",
                cure: "Say which: vmm compare \(name) COMMAND")
        }
        // vmm gets the image's identifier, because with a directory's name it would scan the directory at
        // each start, which container runtimes do not do. A bundle keeps its name: its config.json has
        // settings that the stored image does not have.
        var subject = Subject(
            reference: image.bundle == nil ? image.identifier : name, layers: [layer], command: whole,
            environment: configuration.environment,
            workingDirectory: configuration.workingDirectory, user: configuration.user)
        subject.files = image.files
        subject.storedByteCount = image.files.reduce(0) { $0 + Storage.byteCount($1) }
        return subject
    }
}
