import ArgumentParser
import Containers
import Host
import Images
import Layers

/// `vmm image`: manages the image store.
struct ImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Manage the images that containers are made of.",
        discussion: """
            Images lie in VMM_STORE; else in /var/lib/vmm for root, and in ~/.local/share/vmm for everybody else.

            Exit status:
              0    done                                64   the command line makes no sense
              65   an image that cannot be used        66   an image or file is not there
              69   skopeo or the registry cannot       71   the host refused a call
              74   the output cannot be written        77   not permitted
              130  ended by the user
            """,
        subcommands: [
            ImageImportCommand.self, ImageListCommand.self, ImageRemoveCommand.self, ImagePruneCommand.self,
        ])
}

/// The amount of progress output of a command.
struct ProgressOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Say nothing on the way.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Write a line for each step, on a terminal or not.")
    var verbose = false

    func validate() throws {
        if quiet && verbose { throw ValidationError("--quiet and --verbose exclude one another") }
    }

    var style: ProgressStyle { quiet ? .silent : verbose ? .plain : .automatic }
}

/// `vmm image import`.
struct ImageImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Bring images into the store.",
        discussion: """
            An image is a name in a registry (debian:12, docker://localhost:5000/tool), an OCI layout directory \
            (oci:DIR[:NAME]), a tar (oci-archive:FILE[:NAME], docker-archive:FILE[:NAME]; - is standard input), a root \
            file system (rootfs:DIR) or a bundle. Of paths that begin with / or . the prefix may be left out.

            Prints the identifier of each. vmm run imports what it needs by itself.
            """)

    @Argument(help: ArgumentHelp("What to import.", valueName: "image"))
    var images: [String]

    @Option(help: ArgumentHelp("What to call it in the store.", valueName: "name"))
    var name: String?

    @Flag(help: "Let names that an archive brings move from images that a registry gave them to.")
    var moveNames = false

    @Flag(help: "Let a bundle's config.json name a root file system outside of the bundle.")
    var allowOutsideRoot = false

    @Option(
        help: ArgumentHelp(
            "Maximum disk space of the import (default: VMM_MAX_IMPORT_SIZE, or 64G).", valueName: "size"))
    var maxImportSize: String?

    @OptionGroup var progress: ProgressOptions

    func validate() throws {
        if name != nil && images.count > 1 { throw ValidationError("--name is for one image") }
    }

    private var liberties: ImageStore.Liberties {
        var liberties: ImageStore.Liberties = []
        if moveNames { liberties.insert(.movesNames) }
        if allowOutsideRoot { liberties.insert(.outsideRoot) }
        return liberties
    }

    func run() throws {
        if let failure = ImageStore.mistakenName(among: images) { throw failure }
        var store = try ImageStore.openForContainers()
        if let maxImportSize { store.limits = try ImportLimits(maxImportSize: maxImportSize) }
        for text in images {
            let image = try store.importImage(
                text, called: name, liberties: liberties, progress: progress.style)
            if !progress.quiet, let notice = image.notice { StandardError.write("vmm: \(notice)\n") }
            try StandardOutput.write(image.identifier + "\n")
        }
    }
}

/// `vmm image list`.
struct ImageListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the images of the store, once for each name.", aliases: ["ls"])

    @Flag(help: "Print JSON.")
    var json = false

    @Flag(name: .shortAndLong, help: "Print identifiers only, each once.")
    var quiet = false

    func validate() throws {
        if quiet && json { throw ValidationError("--quiet and --json exclude one another") }
    }

    func run() throws {
        let images = try ImageStore.openForContainers().list()
        if quiet { return try StandardOutput.write(ImageTable.identifiers(images)) }
        try StandardOutput.write(json ? ImageTable.json(images) : ImageTable.text(images))
    }
}

/// `vmm image remove`.
struct ImageRemoveCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "remove", abstract: "Remove images from the store.",
        discussion: """
            A name takes only that name away, an identifier the image with all its names. What no other image needs \
            of its files is removed too. Containers that run are not affected.
            """,
        aliases: ["rm"])

    @Argument(help: ArgumentHelp("A name, a path, or the start of an identifier.", valueName: "image"))
    var images: [String]

    @Flag(
        name: .shortAndLong, help: "Accepted for docker's sake: containers that run never hinder a removal.")
    var force = false

    @OptionGroup var progress: ProgressOptions

    /// Removes every image that can be removed. The first failure determines the exit status.
    func run() throws {
        var status: Int32 = 0
        for text in images {
            do {
                try remove(text)
            } catch let failure as Failure {
                StandardError.write("vmm: \(failure)\n")
                if status == 0 { status = failure.kind.rawValue }
            }
        }
        if status != 0 { throw ExitCode(status) }
    }

    private func remove(_ text: String) throws {
        let freed = try ImageStore.openForContainers().remove(text, progress: progress.style)
        if let freed { try StandardOutput.write("\(text): \(ByteCount.text(freed)) freed\n") }
    }
}

/// `vmm image prune`.
struct ImagePruneCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove what no name leads to.",
        discussion: """
            Images without a name, layers that no image has, and what interrupted imports left behind.
            """)

    @Flag(name: .shortAndLong, help: "Accepted for docker's sake: nothing is asked.")
    var force = false

    @OptionGroup var progress: ProgressOptions

    func run() throws {
        let freed = try ImageStore.openForContainers().prune(progress: progress.style)
        try StandardOutput.write("\(ByteCount.text(freed)) freed\n")
    }
}
