public import Host
import Layers
import SystemPackage

/// A row of the list of images.
public struct ImageListing: Hashable, Sendable {
    /// The name; empty if the image has none.
    public let name: String
    public let identifier: String
    /// The size of the layers and the index on the disk; other images may share the layers.
    public let byteCount: UInt64
    public let layerCount: Int
    /// The time of creation that the image states (RFC 3339); may be empty.
    public let created: String
    /// The time of the import, in seconds since 1970.
    public let imported: UInt64
    /// The size of its templates on the disk; 0 if it has none.
    public let templateByteCount: UInt64
}

extension ImageStore {
    /// Permissions for an import that only the user can give.
    public struct ImportPermissions: OptionSet, Sendable {
        public let rawValue: Int

        public init(rawValue: Int) { self.rawValue = rawValue }

        /// Permission to move names that a registry gave to other images.
        public static let movesNames = ImportPermissions(rawValue: 1)
        /// Permission to read a bundle's root file system outside the bundle.
        public static let outsideRoot = ImportPermissions(rawValue: 2)
    }

    /// Imports an image from a registry, a file or a directory. `furtherName` is an additional name for it.
    public func importImage(
        _ name: String, called furtherName: String? = nil, permissions: ImportPermissions = [],
        progress: ProgressStyle = .automatic
    ) throws(Failure) -> Image {
        var request = ImageRequest(
            name: try ImageName(parsing: name), text: name, pull: .always, progress: progress,
            budget: ImportBudget(limits: limits))
        request.movesNames = permissions.contains(.movesNames)
        request.allowsOutsideRoot = permissions.contains(.outsideRoot)
        request.furtherName = try furtherName.map { text throws(Failure) in
            try RegistryReference(parsing: text)
        }
        request.takesNames = true
        return try find(request)
    }

    /// Lists every image, once for each of its names, sorted by name.
    public func list() throws(Failure) -> [ImageListing] {
        let names = try catalogue.reading { all throws(Errno) in try all.names() }
        let identifiers = try catalogue.reading { all throws(Errno) in try all.identifiers() }
        let unnamed = Set(identifiers).subtracting(names.map(\.identifier)).sorted()
        return (names.map { ($0.name, $0.identifier) } + unnamed.map { ("", $0) }).compactMap {
            name, identifier in
            catalogue.record(of: identifier).map { record in
                ImageListing(
                    name: name, record, templates: TemplateShelf.byteCount(of: identifier, in: directory))
            }
        }
    }

    /// Removes a name, or an image with all its names if `name` is its identifier, and the files that no
    /// other image needs. Returns the number of bytes freed, or nil if other names keep the image.
    ///
    /// Running VMs are not affected: files that they have mapped stay until they unmap them.
    public consuming func remove(_ name: String, progress: ProgressStyle) throws(Failure) -> UInt64? {
        let catalogue = catalogue
        let (names, identifier) = try found(name)
        for name in names { try catalogue.removeName(name) }
        let rest = try catalogue.reading { all throws(Errno) in try all.names() }
        guard !rest.contains(where: { $0.identifier == identifier }) else { return nil }
        let staging = try StagingDirectory(in: directory)
        let freed =
            try catalogue.removeUnnamed([identifier], staging: staging)
            &+ TemplateShelf.remove([identifier], from: directory, into: staging)
        return try catalogue.removeLayers(after: self, progress: progress) &+ freed
    }

    /// Finds the names that `text` stands for and the image's identifier.
    private func found(_ text: String) throws(Failure) -> (names: [String], identifier: String) {
        let all = try catalogue.reading { all throws(Errno) in try all.names() }
        let reference = (try? RegistryReference(parsing: text))?.description
        if let known = all.first(where: { $0.name == reference || $0.name == text }) {
            return ([known.name], known.identifier)
        }
        if let name = Self.storeName(text), let known = all.first(where: { $0.name == name }) {
            return ([known.name], known.identifier)
        }
        guard let identifier = try catalogue.identifier(startingWith: text, least: 4) else {
            throw Failure(
                .missingInput, "cannot remove the image \(text.printable)",
                because: "it is not in the store \(path)",
                cure: "vmm image list shows the images in the store.")
        }
        return (all.filter { $0.identifier == identifier }.map(\.name), identifier)
    }

    /// Returns the store's name of the file or directory at the path `text`; nil if `text` is no path.
    private static func storeName(_ text: String) -> String? {
        guard case .path(let path, let kind)? = try? ImageName(parsing: text) else { return nil }
        return try? ImageSource(path, kind: kind)?.storeName()
    }

    /// Removes images without a name, layers and templates that no image has, and the remains of interrupted
    /// imports. Returns the number of bytes freed.
    public consuming func prune(progress: ProgressStyle) throws(Failure) -> UInt64 {
        let catalogue = catalogue
        var freed = StagingDirectory.clean(directory)
        let staging = try StagingDirectory(in: directory)
        let identifiers = try catalogue.reading { all throws(Errno) in try all.identifiers() }
        freed &+= try catalogue.removeUnnamed(identifiers, staging: staging)
        let kept = try catalogue.reading { all throws(Errno) in try all.identifiers() }
        freed &+= TemplateShelf.prune(keeping: kept, from: directory, into: staging)
        return try catalogue.removeLayers(after: self, progress: progress) &+ freed
    }
}

extension ImageListing {
    init(name: String, _ record: ImageRecord, templates templateByteCount: UInt64 = 0) {
        self.name = name
        identifier = record.identifier
        byteCount = record.byteCount
        layerCount = record.layers.count
        created = record.created
        imported = record.imported
        self.templateByteCount = templateByteCount
    }
}

extension Catalogue {
    /// Removes the layers that no image has, as soon as no process is importing or starting an image.
    /// Releases the lock of `reader` first.
    fileprivate func removeLayers(after reader: consuming ImageStore, progress: ProgressStyle) throws(Failure)
        -> UInt64
    {
        _ = consume reader
        var hasPrintedNotice = false
        let lock = try StoreLock(.layers, of: store, alone: true) {
            if !hasPrintedNotice, progress != .silent {
                StandardError.write("vmm: waiting for another vmm to import or start an image\n")
            }
            hasPrintedNotice = true
        }
        defer { _ = lock }
        return try store.doing("remove layers from") { () throws(Errno) in
            let used = Set(try identifiers().compactMap { record(of: $0) }.flatMap(\.layers).map(\.digest))
            var freed: UInt64 = 0
            for file in try Files.names(in: store.layers) {
                if let digest = Digest(hexadecimal: file.dropLast(6)), used.contains(digest) { continue }
                freed &+= FileStatus(of: "\(store.layers)/\(file)")?.allocatedByteCount ?? 0
                try Files.remove("\(store.layers)/\(file)")
            }
            try Files.synchronize(store.layers)
            return freed
        }
    }
}
