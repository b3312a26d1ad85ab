import Arguments
import Containers
import Host
import Images
import Layers

/// `vmm image`: manages the image store.
struct ImageCommand: CommandGroup {
    static let commandName = "image"

    static var page: Page {
        Page(
            "Manage the images that containers are made of.",
            """
            The store lies in the directory that the variable VMM_STORE names, or else in /var/lib/vmm for root and in \
            ~/.local/share/vmm for other users.
            """,
            statuses: statuses)
    }

    /// The exit statuses of every command below.
    static var statuses: [ExitStatus] {
        [
            ExitStatus("0", "success"), .usage, ExitStatus(.badInput, "an image cannot be used"),
            ExitStatus(.missingInput, "an image or file does not exist"),
            ExitStatus(.unavailable, "skopeo or the registry failed"), .host, .output, .notPermitted,
            .endedByUser,
        ]
    }

    static func declare(_ commands: inout Subcommands) {
        commands.add(ImageImportOptions.self)
        commands.add(ImageListOptions.self)
        commands.add(ImageRemoveOptions.self)
        commands.add(ImagePruneOptions.self)
    }

    static func equivalent(of word: String) -> String? {
        switch word {
        case "pull": "vmm image import NAME"
        case "load": "vmm image import FILE"
        case "tag": "vmm image import FILE --name NAME"
        default: nil
        }
    }
}

/// The options for the amount of progress output, which several commands have.
struct ProgressOptions {
    var isQuiet = false
    var isVerbose = false

    mutating func declare(_ options: inout Options) {
        options.flag("quiet", letter: "q", "Suppress progress output.", to: &isQuiet)
        options.flag(
            "verbose", letter: "v", "Write a line for each step, even on a terminal.", to: &isVerbose)
    }

    func style() throws(Failure) -> ProgressStyle {
        if isQuiet && isVerbose { throw .exclusive("--quiet", "--verbose") }
        return isQuiet ? .silent : isVerbose ? .plain : .automatic
    }
}

extension Failure {
    /// Makes the failure of two options that exclude each other.
    fileprivate static func exclusive(_ first: String, _ second: String) -> Failure {
        Failure(
            .usage, "cannot use \(first) with \(second)", because: "they exclude each other",
            cure: "Leave one of them out.")
    }
}

/// `vmm image import`.
struct ImageImportOptions: Command {
    static let commandName = "import"
    static let operands = Operands("IMAGE...", count: 1...Int.max, value: .file("IMAGE"))

    static var page: Page {
        Page(
            "Import images into the store.",
            """
            IMAGE is a name at a registry (debian:12, docker://localhost:5000/tool), an OCI layout (oci:DIRECTORY[:NAME]), \
            an archive (oci-archive:FILE[:NAME], docker-archive:FILE[:NAME]; - is standard input), a root file system \
            (rootfs:DIRECTORY) or an OCI bundle. The prefix of a path may be left out if the path begins with / or .

            Prints the identifier of each image. vmm run imports what it needs by itself.
            """,
            statuses: ImageCommand.statuses)
    }

    var images: [String] = []
    var name: String?
    var permissions: ImageStore.ImportPermissions = []
    var maxImportSize: String?
    var progress = ProgressOptions()

    mutating func declare(_ options: inout Options) {
        options.value("name", .text("NAME"), "Name of the image in the store.", to: &name)
        options.flag("move-names", "Let an archive move names that images got from a registry.") {
            permissions.set(.movesNames, to: $0)
        }
        options.flag(
            "allow-outside-root",
            "Let a bundle's config.json name a root file system outside of the bundle."
        ) { permissions.set(.outsideRoot, to: $0) }
        options.value(
            "max-import-size", .text("SIZE"),
            "Maximum disk space of the import. (default: VMM_MAX_IMPORT_SIZE, or 64G)", to: &maxImportSize)
        progress.declare(&options)
    }

    mutating func take(_ operands: [String]) { images = operands }

    func run() throws(Failure) {
        let style = try progress.style()
        if name != nil, images.count > 1 {
            throw Failure(
                .usage, "cannot use --name with several images", because: "it names one image",
                cure: "Import each image by a command of its own.")
        }
        if let failure = ImageStore.mistakenName(among: images) { throw failure }
        var store = try ImageStore.openForContainers()
        if let maxImportSize { store.limits = try ImportLimits(maxImportSize: maxImportSize) }
        for text in images {
            let image = try store.importImage(text, called: name, permissions: permissions, progress: style)
            if !progress.isQuiet, let notice = image.notice { StandardError.write("vmm: \(notice)\n") }
            try StandardOutput.write(image.identifier + "\n")
        }
    }
}

extension OptionSet where Element == Self {
    fileprivate mutating func set(_ member: Self, to isMember: Bool) {
        if isMember { insert(member) } else { remove(member) }
    }
}

/// `vmm image list`.
struct ImageListOptions: Command {
    static let commandName = "list"
    static let aliases = ["ls"]

    static var page: Page {
        Page("List the images of the store, once for each name.", statuses: ImageCommand.statuses)
    }

    var json = false
    var isQuiet = false

    mutating func declare(_ options: inout Options) {
        options.flag("json", "Print JSON.", to: &json)
        options.flag("quiet", letter: "q", "Print only identifiers, each once.", to: &isQuiet)
    }

    func run() throws(Failure) {
        if isQuiet && json { throw .exclusive("--quiet", "--json") }
        let images = try ImageStore.openForContainers().list()
        if isQuiet { return try StandardOutput.write(ImageTable.identifiers(images)) }
        try StandardOutput.write(json ? ImageTable.json(images) : ImageTable.text(images))
    }
}

/// `vmm image remove`.
struct ImageRemoveOptions: Command {
    static let commandName = "remove"
    static let aliases = ["rm"]
    static let operands = Operands("IMAGE...", count: 1...Int.max, value: .image("IMAGE"))

    static var page: Page {
        Page(
            "Remove images from the store.",
            """
            IMAGE is a name, a path, or the start of an identifier. An identifier removes the image with all its names. \
            A name removes only itself, and the image with its last name. Files that no other image needs are removed \
            too. Running containers are not affected.
            """,
            statuses: ImageCommand.statuses)
    }

    var images: [String] = []
    var progress = ProgressOptions()

    mutating func declare(_ options: inout Options) {
        options.flag("force", letter: "f", "Accepted for docker's sake: running containers do not matter.") {
            _ in
        }
        progress.declare(&options)
    }

    mutating func take(_ operands: [String]) { images = operands }

    /// Removes every image that can be removed. The first failure determines the exit status.
    func run() throws(Failure) {
        let style = try progress.style()
        var status: Int32 = 0
        for text in images {
            do throws(Failure) { try remove(text, style) } catch {
                StandardError.write("vmm: \(error)\n")
                if status == 0 { status = error.kind.rawValue }
            }
        }
        if status != 0 { ThisProcess.end(with: status) }
    }

    private func remove(_ text: String, _ style: ProgressStyle) throws(Failure) {
        let freed = try ImageStore.openForContainers().remove(text, progress: style)
        if let freed { try StandardOutput.write("\(text): \(ByteCount.text(freed)) freed\n") }
    }
}

/// `vmm image prune`.
struct ImagePruneOptions: Command {
    static let commandName = "prune"

    static var page: Page {
        Page(
            "Remove unnamed images, and what interrupted imports left behind.",
            "Layers that no image uses any more are removed too.", statuses: ImageCommand.statuses)
    }

    var progress = ProgressOptions()

    mutating func declare(_ options: inout Options) {
        options.flag("force", letter: "f", "Accepted for docker's sake: no question is asked.") { _ in }
        progress.declare(&options)
    }

    func run() throws(Failure) {
        let freed = try ImageStore.openForContainers().prune(progress: try progress.style())
        try StandardOutput.write("\(ByteCount.text(freed)) freed\n")
    }
}
