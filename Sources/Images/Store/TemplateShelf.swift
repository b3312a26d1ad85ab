import Glibc
public import Host
import SystemPackage

/// The templates in a store. A template is a directory with two files, which another room makes of a running
/// machine and understands: its state and its memory.
///
/// A template belongs to an image and has a key. All templates of a generation go together: those of an
/// earlier boot of the host, or of another `vmm`, are of no use to anybody.
///
///     templates/GENERATION/IDENTIFIER/KEY/state
///                                         memory
///
/// A template appears with all its files, by one rename(2), and its files never change afterwards. It is not
/// written to the disk: after a crash of the host its generation is over.
public struct TemplateShelf: Sendable {
    /// The largest number of templates of one image. The one that was used least recently makes room.
    public static let limitPerImage = 4
    /// The largest size of a state in bytes: those of 64 CPUs fit.
    private static let stateByteLimit = 4 << 20

    private let store: StoreDirectory
    private let generation: String

    /// The shelf of `generation`, a name of letters and digits, in the store of `images`.
    public init(in images: borrowing ImageStore, generation: String) {
        store = images.directory
        self.generation = generation
    }

    private func place(_ image: String, _ key: String) -> String {
        "\(store.templates)/\(generation)/\(image)/\(key)"
    }

    /// The open files of a template.
    public struct Template: ~Copyable {
        public let state: [UInt8]
        private let memory: OwnedDescriptor

        fileprivate init(state: [UInt8], memory: consuming OwnedDescriptor) {
            self.state = state
            self.memory = memory
        }

        /// Hands over the file of the memory.
        public consuming func takeMemory() -> OwnedDescriptor { memory }
    }

    /// Opens the template of `image` with the key `key`, and notes its use. Returns nil if there is none.
    ///
    /// Throws if one of its files is missing, or is not a regular file of this user that only the user can
    /// write: whoever can write the memory of a machine decides what it does.
    public func open(_ image: String, key: String) throws(Failure) -> Template? {
        let place = place(image, key)
        do throws(Errno) {
            let state = try OwnedDescriptor(opening: "\(place)/state", for: .reading, flags: Self.openFlags)
            let memory = try OwnedDescriptor(opening: "\(place)/memory", for: .reading, flags: Self.openFlags)
            let byteCount = try Self.check(state.rawValue)
            _ = try Self.check(memory.rawValue)
            guard byteCount <= UInt64(Self.stateByteLimit) else { throw .fileTooLarge }
            Self.noteUse(state.rawValue)
            return Template(state: try Files.read(state.rawValue, byteCount: Int(byteCount)), memory: memory)
        } catch {
            // A template that lacks a file would otherwise be in the way of a new one.
            if error == .noSuchFileOrDirectory, FileStatus(ofLink: place) == nil { return nil }
            throw Failure("cannot use the template \(place)", errno: error)
        }
    }

    /// The flags to open a file of a template. Without O_NONBLOCK, the open of a pipe would wait for a
    /// writer.
    private static let openFlags = O_NOFOLLOW | O_NONBLOCK

    /// Returns the size of a file that can be trusted.
    private static func check(_ descriptor: Int32) throws(Errno) -> UInt64 {
        guard let file = FileStatus(of: descriptor), file.isRegular else { throw .invalidArgument }
        guard file.status.st_uid == geteuid(), file.status.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
            throw .permissionDenied
        }
        return file.byteCount
    }

    /// Sets the time of the state's last use, by which `limitPerImage` chooses.
    private static func noteUse(_ state: Int32) {
        _ = futimens(state, nil)
    }
}

/// Making templates.
extension TemplateShelf {
    /// Makes the template of `image` with the key `key`. `make` writes the memory into the empty file that it
    /// gets, and returns the state.
    ///
    /// Returns false, without a call of `make`, if the template exists, if another process is making it, or
    /// if the image is no longer in the store.
    public func add(
        _ image: String, key: String, _ make: (borrowing OwnedDescriptor) throws(Failure) -> [UInt8]
    ) throws(Failure) -> Bool {
        let place = place(image, key)
        guard FileStatus(ofLink: place) == nil, let lock = try lock(key) else { return false }
        defer { _ = lock }
        // The process that held the lock may have made it.
        guard FileStatus(ofLink: place) == nil, hasImage(image) else { return false }
        StagingDirectory.clean(store)
        let staging = try StagingDirectory(in: store)
        removeOtherGenerations(into: staging)
        let draft = staging.file("template")
        try store.doing("write a template into") { () throws(Errno) in
            try Files.makeDirectory(draft)
        }
        let memory = try store.doing("write a template into") { () throws(Errno) in
            try Files.create("\(draft)/memory")
        }
        let state = try store.writing(draft) { () throws(Failure) in try make(memory) }
        try store.doing("write a template into") { () throws(Errno) in
            let file = try Files.create("\(draft)/state")
            try Files.write(state, to: file.rawValue)
            for descriptor in [file.rawValue, memory.rawValue] {
                _ = try hostCall { fchmod(descriptor, 0o400) }
            }
            for directory in [
                store.templates, "\(store.templates)/\(generation)",
                "\(store.templates)/\(generation)/\(image)",
            ] {
                try store.makeDirectory(directory)
            }
            try Files.rename(draft, to: place)
        }
        removeLeastRecentlyUsed(of: image, into: staging)
        // The image may have been removed meanwhile, with its other templates.
        if !hasImage(image) { Self.remove([image], from: store, into: staging) }
        return true
    }

    /// Replaces the state of a template. Does nothing if the template is gone.
    public func replaceState(_ image: String, key: String, with state: [UInt8]) throws(Failure) {
        guard let lock = try lock(key) else { return }
        defer { _ = lock }
        let place = place(image, key)
        guard FileStatus(ofLink: place) != nil else { return }
        let staging = try StagingDirectory(in: store)
        let draft = staging.file("state")
        try store.doing("write a template into") { () throws(Errno) in
            let file = try Files.create(draft)
            try Files.write(state, to: file.rawValue)
            _ = try hostCall { fchmod(file.rawValue, 0o400) }
            try Files.rename(draft, to: "\(place)/state")
        }
    }

    /// Takes the lock on the work on a template; nil if another process has it.
    private func lock(_ key: String) throws(Failure) -> StoreLock? {
        let busy = Failure(.inUse, "cannot make a template", because: "another process is making it")
        do throws(Failure) {
            return try StoreLock(.work("template \(key)"), of: store, alone: true) { () throws(Failure) in
                throw busy
            }
        } catch {
            if error.kind == .inUse { return nil }
            throw error
        }
    }

    private func hasImage(_ identifier: String) -> Bool {
        FileStatus(of: store.record(of: identifier)) != nil
    }
}

/// Removing templates. A template that a machine has mapped stays until the machine ends.
extension TemplateShelf {
    /// Removes the template of `image` with the key `key`.
    public func remove(_ image: String, key: String) {
        guard let staging = try? StagingDirectory(in: store) else { return }
        try? Files.rename(place(image, key), to: staging.file("removed"))
    }

    /// Removes the templates of other generations. A rename takes all of them away at once: another build of
    /// `vmm` may be opening one.
    private func removeOtherGenerations(into staging: borrowing StagingDirectory) {
        for name in (try? Files.names(in: store.templates)) ?? [] where name != generation {
            try? Files.rename("\(store.templates)/\(name)", to: staging.file("generation-\(name)"))
        }
    }

    private func removeLeastRecentlyUsed(of image: String, into staging: borrowing StagingDirectory) {
        let directory = "\(store.templates)/\(generation)/\(image)"
        let keys = (try? Files.names(in: directory)) ?? []
        guard keys.count > Self.limitPerImage else { return }
        let byUse = keys.map { key in
            (key: key, used: FileStatus(of: "\(directory)/\(key)/state")?.lastChange ?? 0)
        }.sorted { $0.used > $1.used }
        for (key, _) in byUse.dropFirst(Self.limitPerImage) {
            try? Files.rename("\(directory)/\(key)", to: staging.file("unused-\(key)"))
        }
    }

    /// Removes all templates of the images with these identifiers. Returns the number of bytes freed.
    @discardableResult
    static func remove(
        _ images: [String], from store: StoreDirectory, into staging: borrowing StagingDirectory
    ) -> UInt64 {
        var freed: UInt64 = 0
        for generation in (try? Files.names(in: store.templates)) ?? [] {
            for image in images {
                let path = "\(store.templates)/\(generation)/\(image)"
                guard FileStatus(ofLink: path) != nil else { continue }
                freed &+= Files.allocatedByteCount(below: path)
                try? Files.rename(path, to: staging.file("templates-\(generation)-\(image)"))
            }
        }
        return freed
    }

    /// Removes the templates of images that are not among `images`. Returns the number of bytes freed.
    static func prune(
        keeping images: [String], from store: StoreDirectory, into staging: borrowing StagingDirectory
    ) -> UInt64 {
        let kept = Set(images)
        var found: Set<String> = []
        for generation in (try? Files.names(in: store.templates)) ?? [] {
            found.formUnion((try? Files.names(in: "\(store.templates)/\(generation)")) ?? [])
        }
        return remove(found.subtracting(kept).sorted(), from: store, into: staging)
    }

    /// Returns the number of bytes that the templates of an image take on the disk.
    static func byteCount(of image: String, in store: StoreDirectory) -> UInt64 {
        ((try? Files.names(in: store.templates)) ?? []).reduce(0) { sum, generation in
            sum &+ Files.allocatedByteCount(below: "\(store.templates)/\(generation)/\(image)")
        }
    }
}

extension FileStatus {
    /// The time of the last change of the content, in nanoseconds since 1970.
    fileprivate var lastChange: Int64 {
        Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    }
}
