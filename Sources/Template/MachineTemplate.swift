public import Host
public import Images
public import Machine

/// The choice between a start from a template and a cold start.
public enum TemplatePolicy: String, Hashable, Sendable, CaseIterable {
    /// Start from a template if there is one, otherwise make one if possible.
    case auto
    /// Start cold, and make no template.
    case never
    /// Start from a template, or make one; fail if neither is possible.
    case require
}

/// The template of a container's machine: the machine as it is when the image is mounted and nothing of a
/// container has reached it.
///
/// The first machine of an image is saved at that moment and goes on. Later machines with the same key are
/// restored from there.
public struct MachineTemplate: Sendable {
    private let shelf: TemplateShelf
    private let image: String
    private let key: String
    private let kernel: String

    /// The template of machines of `configuration`, which has no disks, in the store of `images`.
    public init(_ configuration: MachineConfiguration, image: Image, in images: borrowing ImageStore) {
        precondition(configuration.disks.isEmpty, "a disk belongs to one machine")
        shelf = TemplateShelf(in: images, generation: TemplateKey.generation())
        self.image = image.identifier
        kernel = configuration.kernel
        key = TemplateKey(configuration, image: image).name
    }

    /// Opens the saved machine. Returns nil if there is none; throws if it cannot be trusted or is damaged.
    public func open() throws(Failure) -> SavedMachine? {
        guard let files = try shelf.open(image, key: key) else { return nil }
        let state = files.state
        return try SavedMachine(state: state, memory: files.takeMemory())
    }

    /// Removes the template. Machines that were restored from it go on.
    public func remove() {
        shelf.remove(image, key: key)
    }

    /// Saves `machine`, unless another process does. The machine is paused meanwhile and goes on. Call it in
    /// a handler of the machine's event loop. Returns whether there is a new template.
    public func make(of machine: Machine) throws(Failure) -> Bool {
        try shelf.add(image, key: key) { (memory) throws(Failure) in
            guard machine.pauseWhenIdle() else {
                throw Failure(.host, "cannot save the machine", because: "it has ended")
            }
            defer { machine.resume() }
            return try machine.save(memory: memory, kernel: kernel)
        }
    }

    /// Notes the pages that `machine` has written, which was restored from this template and has ended, so
    /// that later machines start faster. Does nothing if the template has such a note already.
    public func noteWorkingPages(of machine: Machine) throws(Failure) {
        guard let saved = try open(), !saved.knowsWorkingPages,
            let state = try saved.state(withWorkingPagesOf: machine)
        else { return }
        try shelf.replaceState(image, key: key, with: state)
    }
}
